"""mosca's settings, key by key: accepted as they are, with the same meaning."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.mosca_settings import from_mosca

HOUR_MS = 3_600_000


class Memory:
    """Stands in for mosca.persistence.Memory."""


class Mongo:
    """Stands in for mosca.persistence.Mongo."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """keyPath and certPath, and the CA."""
    directory = tmp_path_factory.mktemp("certificates")
    mqtt_sim.make_certificates(directory)
    return {
        "keyPath": str(directory / "server-key.pem"),
        "certPath": str(directory / "server.pem"),
        "ca": str(directory / "ca.pem"),
    }


def pair(certificates: dict[str, str]) -> dict[str, str]:
    """As mosca's credentials."""
    return {key: certificates[key] for key in ("keyPath", "certPath")}


@pytest.mark.req("M-04", "M-05", "M-06", "M-07", "M-08", "M-15", "M-16")
def test_the_seeds_settings_open_four_ways_in(certificates: dict[str, str], tmp_path: Path, seen: Any) -> None:
    (tmp_path / "hello.txt").write_text("hello")
    settings = {
        "port": 0,
        "secure": {"port": 0, **pair(certificates)},
        "http": {"port": 0, "bundle": True, "static": str(tmp_path)},
        "credentials": pair(certificates),
        "https": {"port": 0, "bundle": False, "static": str(tmp_path)},
        "persistence": {"factory": Memory, "ttl": {"subscriptions": HOUR_MS, "packets": HOUR_MS}, "mongo": {}},
        "stats": True,
    }
    with mqtt_sim.Broker(settings) as broker:
        broker.on("published", lambda packet, client: seen.note(packet.text()))
        for scheme in ("mqtt", "mqtts", "ws", "wss"):
            secured: dict[str, Any] = {"ca": certificates["ca"]} if scheme in ("mqtts", "wss") else {}
            with mqtt_sim.BlockingClient(broker.url_for(scheme), **secured) as client:
                client.publish("a", scheme, qos=1)
        assert seen.wait(4) == ["mqtt", "mqtts", "ws", "wss"]
        base = broker.url_for("http").rstrip("/")
        assert urllib.request.urlopen(f"{base}/hello.txt").read() == b"hello"
        assert b"mqtt" in urllib.request.urlopen(f"{base}/mqtt.js").read()
    assert broker.settings.max_session_expiry == 3600
    assert broker.settings.sys_interval == 10


@pytest.mark.unit
@pytest.mark.req("M-05", "M-06", "M-07", "M-08")
def test_moscas_default_ports() -> None:
    credentials = {"keyPath": "key.pem", "certPath": "cert.pem"}
    options, _ = from_mosca({"secure": credentials, "http": {}, "https": {}, "credentials": credentials})
    assert [(one["name"], one["port"]) for one in options["listeners"]] == [
        ("mqtt", 1883),
        ("mqtts", 8883),
        ("http", 3000),
        ("https", 3001),
    ]
    tls = {"key": "key.pem", "certificate": "cert.pem"}
    assert [one.get("tls") for one in options["listeners"]] == [None, tls, None, tls]


@pytest.mark.unit
@pytest.mark.req("M-06")
def test_allow_non_secure_closes_the_plain_listener() -> None:
    secure = {"keyPath": "k", "certPath": "c"}
    for key in ("allowNonSecure", "allow_non_secure"):
        options, _ = from_mosca({"secure": secure, key: False})
        assert [one["name"] for one in options["listeners"]] == ["mqtts"]
        options, _ = from_mosca({"secure": secure, key: True})
        assert [one["name"] for one in options["listeners"]] == ["mqtt", "mqtts"]


@pytest.mark.unit
@pytest.mark.req("M-34")
@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ({"maxInflightMessages": 1024}, {"max_inflight": 1024, "max_inflight_below_v5": 1024}),
        ({"maxConnections": 5}, {"max_connections": 5}),
        ({"storeMessagesQos0": True}, {"queue_qos0": True}),
        ({"onQoS2publish": "dropToQoS1", "profile": "mosca"}, {"on_qos2_publish": "drop_to_qos1", "profile": "mosca"}),
        ({"onQoS2publish": "noack", "profile": "mosca"}, {"on_qos2_publish": "noack", "profile": "mosca"}),
        ({"host": "127.0.0.1"}, {"host": "127.0.0.1"}),
        ({"stats": False}, {"sys_interval": 0.0}),
        ({"status": True}, {"sys_interval": 10.0}),
        ({"backend": {"type": "memory"}}, {}),
        ({"persistence": {"factory": "memory"}}, {"max_session_expiry": 3600}),
        ({"persistence": {"factory": Memory, "ttl": {"subscriptions": 1500}}}, {"max_session_expiry": 2}),
        (
            {"interfaces": [{"type": "mqtt", "port": 1}, {"type": "http", "port": 2, "bundle": True}]},
            {
                "listeners": [
                    {"name": "mqtt-0", "port": 1},
                    {"name": "http-1", "port": 2, "protocols": ["websocket", "http"], "http": {"bundle": True}},
                ]
            },
        ),
        (
            {"onlyHttp": True, "http": {"port": 5}},
            {"listeners": [{"name": "http", "port": 5, "protocols": ["websocket", "http"], "http": {}}]},
        ),
        (
            {
                "secure": {"keyPath": "k", "certPath": "c", "caPaths": ["ca"], "requestCert": True},
                "onlyHttp": False,
                "allowNonSecure": False,
            },
            {
                "listeners": [
                    {
                        "name": "mqtts",
                        "port": 8883,
                        "tls": {"key": "k", "certificate": "c", "ca": "ca", "client_certificate": "required"},
                    }
                ]
            },
        ),
    ],
)
def test_each_key(given: dict[str, Any], ours: dict[str, Any]) -> None:
    options, _ = from_mosca(given)
    assert options == ours


@pytest.mark.unit
@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        ({"backend": {"type": "mongo", "url": "mongodb://x"}}, "backend.type", 'the only type is "memory"'),
        ({"backend": {"type": "redis"}}, "backend.type", "leave backend out"),
        ({"persistence": {"factory": Mongo}}, "persistence.factory", 'the only factory is "memory"'),
        ({"persistence": {"factory": "levelup", "path": "x"}}, "persistence.factory", '"memory"'),
        ({"persistence": {"factory": "memory", "url": "mongodb://x"}}, "persistence.url", "no place"),
        ({"persistence": {"factroy": 1}}, "persistence.factroy", 'did you mean "factory"'),
        ({"persistence": {"ttl": {"packets": 1000}}}, "persistence.ttl.packets", "as long as the session"),
        ({"persistence": {"ttl": {"subscriptions": "1h"}}}, "persistence.ttl.subscriptions", "milliseconds"),
        ({"https": {"port": 3030}}, "credentials", "keyPath"),
        ({"secure": {"port": 8883}}, "secure", "keyPath"),
        ({"secure": {"prot": 1}}, "secure.prot", 'did you mean "port"'),
        ({"onQoS2publish": "noack"}, "on_qos2_publish", '"profile": "mosca"'),
        ({"interfaces": [{"type": "amqp"}]}, "interfaces[0].type", "mqtt, mqtts"),
        ({"interfaces": []}, "interfaces", "at least one"),
        ({"stats": "yes"}, "stats", "true or false"),
        ({"logger": {"level": 25}}, "logger.level", "trace, debug, info"),
        ({"id": 5}, "id", "a text"),
        ({"http": {"port": 1, "bundel": True}}, "http.bundel", 'did you mean "bundle"'),
    ],
)
@pytest.mark.req("M-03", "M-08", "M-09", "M-10", "M-16", "M-34")
def test_what_is_not_there_or_wrong_says_what_is_right(given: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(mqtt_sim.ScenarioError) as error:
        mqtt_sim.Broker(given)
    assert error.value.path == path
    assert words in str(error.value)


@pytest.mark.unit
@pytest.mark.req("M-16")
def test_a_typo_names_the_nearest_key() -> None:
    with pytest.raises(mqtt_sim.ScenarioError, match='did you mean "persistence"'):
        mqtt_sim.Broker({"persistance": {}})
    with pytest.raises(mqtt_sim.ScenarioError, match='did you mean "persistence"'):
        mqtt_sim.Broker(persistance={})


@pytest.mark.unit
@pytest.mark.req("M-08")
def test_the_whole_file_system_is_not_served(certificates: dict[str, str]) -> None:
    settings = {"credentials": pair(certificates), "https": {"port": 0, "bundle": True, "static": "/"}}
    with pytest.raises(mqtt_sim.ScenarioError, match="allow_root_static"):
        mqtt_sim.Broker(settings)


@pytest.mark.unit
def test_users_and_passwords_are_still_credentials() -> None:
    options, _ = from_mosca({"credentials": {"anna": "secret"}, "http": {"bundle": True}})
    assert options == {"credentials": {"anna": "secret"}, "http": {"bundle": True}}


@pytest.mark.req("M-34", "X-19")
def test_news_of_clients_and_subscriptions(seen: Any) -> None:
    keys = {"publishNewClient": True, "publishClientDisconnect": True, "publishSubscriptions": True}
    with mqtt_sim.Broker({"id": "b1", "port": 0, **keys}) as broker:
        broker.subscribe("$SYS/b1/#", lambda message: seen.note((message.topic, message.text())))
        with mqtt_sim.BlockingClient(broker.url, client_id="c") as client:
            client.subscribe("a")
            client.unsubscribe("a")
        assert seen.wait(4) == [
            ("$SYS/b1/new/clients", "c"),
            ("$SYS/b1/new/subscribes", '{"clientId":"c","topic":"a"}'),
            ("$SYS/b1/new/unsubscribes", '{"clientId":"c","topic":"a"}'),
            ("$SYS/b1/disconnect/clients", "c"),
        ]


@pytest.mark.req("X-19")
def test_a_heartbeat_and_all_news_as_aedes_tells_them(seen: Any) -> None:
    broker = mqtt_sim.Broker({"id": "b1", "heartbeatInterval": 50, "port": 0})
    broker.subscribe("$SYS/b1/#", lambda message: seen.note((message.topic, message.text())))

    def is_enough(items: list[Any]) -> bool:
        topics = [topic for topic, _ in items]
        return topics.count("$SYS/b1/heartbeat") >= 3 and "$SYS/b1/disconnect/clients" in topics

    with broker:
        with mqtt_sim.BlockingClient(broker.url, client_id="c") as client:
            client.subscribe({"a": 1, "b/#": 0})
            client.unsubscribe(["a", "b/#"])
        told = seen.wait_for(is_enough)
    beats = [payload for topic, payload in told if topic == "$SYS/b1/heartbeat"]
    assert set(beats) == {"b1"}
    assert told[0] == ("$SYS/b1/birth", "b1")
    assert [item for item in told if item[0] not in ("$SYS/b1/birth", "$SYS/b1/heartbeat")] == [
        ("$SYS/b1/new/clients", "c"),
        ("$SYS/b1/new/subscribes", '{"clientId":"c","subs":[{"topic":"a","qos":1},{"topic":"b/#","qos":0}]}'),
        ("$SYS/b1/new/unsubscribes", '{"clientId":"c","subs":["a","b/#"]}'),
        ("$SYS/b1/disconnect/clients", "c"),
    ]


@pytest.mark.unit
@pytest.mark.req("X-19")
@pytest.mark.parametrize("interval", ["60000", 0, True])
def test_a_wrong_heartbeat(interval: Any) -> None:
    with pytest.raises(mqtt_sim.ScenarioError, match="milliseconds"):
        mqtt_sim.Broker(heartbeat_interval=interval)
