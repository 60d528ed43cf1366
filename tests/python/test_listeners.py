"""The ways in to the embedded broker: what a user may say of them and what is refused, with a stand-in for the core."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from fake_core import FakeCore
from mqtt_sim.scenario.embedded_broker import EmbeddedBroker
from mqtt_sim.scenario.listen_url import parse_listen_url
from mqtt_sim.scenario.listener import Listener, ListenerTls
from mqtt_sim.scenario.load import load_embedded_broker, load_scenario
from mqtt_sim.scenario.plan import resolved_document

Cli = Callable[..., Any]

CERTIFICATE = {"certificate": "server.pem", "key": "server-key.pem"}
MUTUAL = {**CERTIFICATE, "client_certificate": "required", "ca": "ca.pem"}
LONG_PATH = "/tmp/" + "x" * 103


def first(**listener: Any) -> dict[str, Any]:
    """The listener as it reaches the core."""
    core: dict[str, Any] = EmbeddedBroker(listeners=[listener]).to_core()["listeners"][0]
    return core


# ---- what crosses into the core


@pytest.mark.req("M-28")
def test_a_broker_that_names_no_listener_takes_everything_on_one_port() -> None:
    core = EmbeddedBroker().to_core()
    assert (core["protocols"], core["tls"], core["plain_beside_tls"]) == (["mqtt", "websocket", "http"], "auto", True)
    assert "listeners" not in core


@pytest.mark.parametrize(
    ("options", "is_plain_too"),
    [
        ({}, True),
        ({"tls": "auto"}, True),
        ({"tls": "off"}, False),
        ({"tls": CERTIFICATE}, False),
        ({"tls": CERTIFICATE, "plain_beside_tls": True}, True),
        ({"plain_beside_tls": False}, False),
    ],
)
def test_streams_without_tls_are_taken_beside_a_generated_certificate_or_when_asked(
    options: dict[str, Any], is_plain_too: bool
) -> None:
    broker = EmbeddedBroker(**options)
    assert broker.to_core()["plain_beside_tls"] is is_plain_too
    assert ("mqtt" in broker.schemes) is (is_plain_too or broker.tls == "off")


def test_a_listener_is_plain_mqtt_unless_it_says_more() -> None:
    core = first()
    assert (core["protocols"], core["tls"], core["plain_beside_tls"]) == (["mqtt"], "off", False)
    assert first(tls="auto")["plain_beside_tls"] is False
    assert "websocket" not in core
    assert "handshake_timeout_ns" not in core


def test_everything_about_a_listener_crosses() -> None:
    core = first(
        protocols=["mqtt", "websocket"],
        tls={**MUTUAL, "key_password": "hush", "min_version": 1.3, "alpn": ["mqtt"], "session_tickets": 0, "crl": "c"},
        certificate_name_as_user=True,
        websocket={"paths": ["/mqtt"], "origins": ["https://a.example"], "max_frame": "64KiB"},
        proxy_protocol=True,
        trusted_proxies=["10.0.0.0/8", "::1", "unix"],
        handshake_timeout="1500ms",
    )
    assert core["tls"] == {
        **MUTUAL,
        "key_password": "hush",
        "min_version": "1.3",
        "alpn": ["mqtt"],
        "session_tickets": 0,
        "crl": "c",
    }
    assert core["websocket"] == {
        "paths": ["/mqtt"],
        "subprotocols": ["mqtt", "mqttv3.1", "mqttv3.1.1"],
        "origins": ["https://a.example"],
        "max_frame": 65_536,
    }
    assert core["handshake_timeout_ns"] == 1_500_000_000
    assert core["trusted_proxies"] == ["10.0.0.0/8", "::1", "unix"]
    assert core["certificate_name_as_user"] is core["proxy_protocol"] is True


def test_a_unix_socket_has_no_host_and_no_port() -> None:
    core = first(unix="/tmp/mqtt.sock")
    assert core["unix"] == "/tmp/mqtt.sock"
    assert not {"host", "port"} & core.keys()
    assert not {"host", "port"} & EmbeddedBroker(unix="/tmp/mqtt.sock").to_core().keys()


# ---- what is refused


@pytest.mark.parametrize(
    ("listener", "message"),
    [
        ({"protocols": []}, "protocols = []: should hold at least one item"),
        ({"protocols": ["amqp"]}, "protocols[0] = \"amqp\": should be 'mqtt', 'websocket' or 'http'"),
        ({"protocol": ["mqtt"]}, 'protocol = ["mqtt"]: there is no key "protocol" here; did you mean "protocols"?'),
        ({"tls": "on"}, 'tls = "on": should be "auto", "off", or an object such as'),
        ({"tls": True}, 'tls = true: should be "auto", "off", or an object such as'),
        ({"tls": {}}, 'tls.certificate: is missing; give its file, or say "tls": "auto"'),
        ({"tls": {"min_version": "1.3"}}, 'tls.certificate: is missing; give its file, or say "tls": "auto"'),
        ({"tls": {"certificate": "a"}}, "tls.key: is missing; give the file of the certificate's private key"),
        ({"tls": {**CERTIFICATE, "key_pem": "x"}}, 'tls.key_pem: give "key" or "key_pem", not both'),
        ({"tls": {**CERTIFICATE, "certificate_pem": "x"}}, 'give "certificate" or "certificate_pem", not both'),
        ({"tls": {"certifcate": "a", "key": "b"}}, 'there is no key "certifcate" here; did you mean "certificate"?'),
        ({"tls": {**CERTIFICATE, "min_version": "1.1"}}, 'tls.min_version = "1.1": should be "1.2" or "1.3"'),
        ({"tls": {**CERTIFICATE, "min_version": True}}, 'tls.min_version = true: should be "1.2" or "1.3"'),
        (
            {"tls": {**CERTIFICATE, "client_certificate": "required"}},
            'tls.client_certificate = "required": needs "ca", the file of the CAs whose client certificates are',
        ),
        (
            {"tls": {**CERTIFICATE, "client_certificate": "always"}},
            "tls.client_certificate = \"always\": should be 'ignored', 'requested' or 'required'",
        ),
        ({"tls": {**CERTIFICATE, "session_tickets": -1}}, "tls.session_tickets = -1: should be at least 0"),
        ({"plain_beside_tls": True}, 'plain_beside_tls = true: should be left out, since "tls" is off'),
        ({"certificate_name_as_user": True}, 'certificate_name_as_user = true: needs "tls" with "client_certificate"'),
        (
            {"certificate_name_as_user": True, "tls": CERTIFICATE},
            'certificate_name_as_user = true: needs "tls" with "client_certificate"',
        ),
        (
            {"certificate_name_as_user": True, "tls": MUTUAL, "plain_beside_tls": True},
            "plain_beside_tls = true: should be false beside certificate_name_as_user",
        ),
        ({"websocket": {}}, 'websocket: should be left out, since protocols does not name "websocket"'),
        ({"protocols": ["websocket"], "websocket": {"paths": ["mqtt"]}}, 'paths[0] = "mqtt": should begin with "/"'),
        ({"protocols": ["websocket"], "websocket": {"max_frame": 0}}, "websocket.max_frame = 0: should be at least 1"),
        ({"proxy_protocol": True}, "trusted_proxies: is missing; name the addresses of the proxies"),
        ({"trusted_proxies": ["::1"]}, 'trusted_proxies = ["::1"]: should be left out, or "proxy_protocol" be true'),
        (
            {"proxy_protocol": True, "trusted_proxies": ["10.0.0.0/33"]},
            'trusted_proxies[0] = "10.0.0.0/33": should be an address, a network such as "10.0.0.0/8", or "unix"',
        ),
        ({"unix": "/tmp/a", "port": 1883}, "port = 1883: should be left out beside unix"),
        ({"unix": "/tmp/a", "host": "::1"}, 'host = "::1": should be left out beside unix'),
        ({"unix": LONG_PATH}, "should be at most 107 bytes long"),
        ({"unix": ""}, "should have at least 1 character"),
        ({"handshake_timeout": 0}, "handshake_timeout = 0: should be longer than 0s"),
    ],
)
@pytest.mark.parametrize("place", ["listener", "broker"])
def test_a_wrong_way_in_is_told_where_what_and_how(
    core: FakeCore, place: str, listener: dict[str, Any], message: str
) -> None:
    if place == "broker" and listener.keys() & {"plain_beside_tls", "websocket", "certificate_name_as_user"}:
        listener = {"tls": "off", "protocols": ["mqtt"], **listener}
    with pytest.raises(mqtt_sim.ScenarioError) as error:
        mqtt_sim.Broker(**(listener if place == "broker" else {"listeners": [listener]}))
    assert message in str(error.value)
    assert str(error.value).startswith("Broker: listeners[0]." if place == "listener" else "Broker: ")
    assert core.brokers == []


@pytest.mark.parametrize("field", ["protocols", "tls", "unix", "plain_beside_tls", "proxy_protocol", "trusted_proxies"])
def test_what_describes_the_only_listener_does_not_stand_beside_several(field: str) -> None:
    value: Any = {"unix": "/tmp/a", "tls": "off", "trusted_proxies": []}.get(field, ["mqtt"])
    value = False if field.endswith(("tls", "protocol")) and field != "tls" else value
    with pytest.raises(mqtt_sim.ScenarioError, match=f"{field}.*: should be left out beside listeners"):
        EmbeddedBroker(listeners=[{}], **{field: value})


def test_secrets_are_in_no_message_and_in_no_report(small: dict[str, Any]) -> None:
    tls = {"certificate_pem": "C", "key_pem": "hush-1", "key_password": "hush-2"}
    for broker in ({"tls": tls}, {"listeners": [{"tls": tls}]}):
        shown = resolved_document(load_scenario({**small, "broker": broker}))["broker"]
        way = shown["listeners"][0] if "listeners" in broker else shown
        assert (way["tls"]["key_pem"], way["tls"]["key_password"]) == ("***", "***")
        assert "hush" not in json.dumps(shown)
    for wrong in ({"key_pem": 4711}, {"key_password": 4711}, {"key_passwort": "4711"}, {**tls, "key": "x"}):
        with pytest.raises(mqtt_sim.ScenarioError) as error:
            EmbeddedBroker(tls=wrong)
        assert "4711" not in str(error.value)
        assert "hush" not in str(error.value)
    with pytest.raises(mqtt_sim.ScenarioError) as error:
        EmbeddedBroker(tls=tls, listeners=[{}])
    assert "hush" not in str(error.value)


@pytest.mark.parametrize(
    "broker",
    [
        {"tls": CERTIFICATE, "websocket": {"paths": ["/a"]}},
        {"tls": "off", "unix": "/tmp/a"},
        {"listeners": [{"unix": "/tmp/a"}, {"tls": MUTUAL, "certificate_name_as_user": True}, {"tls": "auto"}]},
    ],
)
def test_what_is_shown_reads_back_as_the_same(broker: dict[str, Any]) -> None:
    settings = EmbeddedBroker(**broker)
    again = EmbeddedBroker.model_validate(json.loads(json.dumps(settings.shown())))
    assert again.to_core() == settings.to_core()


# ---- who may come in


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "box.example"])
def test_other_machines_come_in_without_a_name_only_when_that_was_said(host: str) -> None:
    for broker in ({"host": host}, {"listeners": [{}, {"host": host}]}):
        path = "listeners[1].host" if "listeners" in broker else "host"
        with pytest.raises(mqtt_sim.ScenarioError) as error:
            EmbeddedBroker(**broker)
        assert str(error.value).startswith(f'EmbeddedBroker: {path} = "{host}": can be reached from other machines')
        assert "--no-anonymous" in str(error.value)
        assert "--allow-anonymous" in str(error.value)
    for said in (True, False):
        EmbeddedBroker(host=host, allow_anonymous=said)
        EmbeddedBroker(listeners=[{"host": host, "allow_anonymous": said}])


def test_nothing_need_be_said_where_nobody_can_come_from_outside_or_all_show_certificates() -> None:
    for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost"):
        EmbeddedBroker(host=host)
    EmbeddedBroker(listeners=[{"unix": "/tmp/a"}], host="0.0.0.0")
    EmbeddedBroker(host="0.0.0.0", tls=MUTUAL)
    with pytest.raises(mqtt_sim.ScenarioError, match="can be reached"):
        EmbeddedBroker(host="0.0.0.0", tls={**MUTUAL, "client_certificate": "requested"})
    with pytest.raises(mqtt_sim.ScenarioError, match="can be reached"):
        EmbeddedBroker(host="0.0.0.0", tls=MUTUAL, plain_beside_tls=True)


# ---- files


def test_certificates_are_looked_for_beside_the_file_that_names_them(small: dict[str, Any], tmp_path: Path) -> None:
    broker = {"listeners": [{"tls": MUTUAL}, {"tls": "auto"}], "users_file": "users"}
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps({**small, "broker": broker}))
    plan = load_scenario(file).to_plan()["broker"]
    assert plan["listeners"][0]["tls"]["certificate"] == str(tmp_path / "server.pem")
    assert plan["listeners"][0]["tls"]["ca"] == str(tmp_path / "ca.pem")
    by_hand = load_scenario(file, {"broker.listeners.0.tls.ca": "mine.pem"}).to_plan()["broker"]["listeners"][0]["tls"]
    assert (by_hand["ca"], by_hand["key"]) == ("mine.pem", str(tmp_path / "server-key.pem"))
    file.write_text(json.dumps({"tls": CERTIFICATE}))
    loaded = load_embedded_broker(file, {}, {}).to_core()["tls"]
    assert loaded["certificate"] == str(tmp_path / "server.pem")
    assert load_embedded_broker(file, {"tls": CERTIFICATE}, {}).to_core()["tls"]["certificate"] == "server.pem"
    assert load_embedded_broker(file, {}, {"tls.key": "k"}).to_core()["tls"]["key"] == "k"


# ---- URLs


def test_the_one_port_has_a_url_for_each_scheme(core: FakeCore) -> None:
    with mqtt_sim.Broker() as broker:
        assert broker.url == "mqtt://127.0.0.1:40000"
        assert broker.url_for("mqtts") == broker.url_for("tls") == "mqtts://127.0.0.1:40000"
        assert broker.url_for("ws") == "ws://127.0.0.1:40000/mqtt"
        assert broker.url_for("wss") == "wss://127.0.0.1:40000/mqtt"
        assert broker.url_for("https") == "https://127.0.0.1:40000/"
        with pytest.raises(
            mqtt_sim.UsageError, match=r'^no listener serves "mqtt\+unix"; there are mqtt://127.0.0.1:4'
        ):
            broker.url_for("mqtt+unix")


def test_urls_are_those_of_the_listener_that_serves_them(core: FakeCore) -> None:
    listeners = [
        {"tls": "auto"},
        {"protocols": ["websocket"], "websocket": {"paths": ["/a", "/b"]}, "host": "::1"},
        {"unix": "/tmp/a b"},
        {},
    ]
    with mqtt_sim.Broker(listeners=listeners) as broker:
        assert broker.urls == [
            "mqtts://127.0.0.1:40000",
            "ws://[::1]:40001/a",
            "mqtt+unix:///tmp/a%20b",
            "mqtt://127.0.0.1:40003",
        ]
        assert broker.url == "mqtts://127.0.0.1:40000"
        assert broker.url_for("mqtt") == "mqtt://127.0.0.1:40003"
        assert broker.url_for("mqtt+unix") == "mqtt+unix:///tmp/a%20b"
        with pytest.raises(mqtt_sim.UsageError, match=r'^no listener serves "wss"; there are mqtts://'):
            broker.url_for("wss")


def test_broker_tells_the_authority_of_its_certificate(core: FakeCore) -> None:
    core.ca_pem = "PEM"
    assert mqtt_sim.Broker().ca_pem == "PEM"


@pytest.mark.parametrize(
    ("url", "listener"),
    [
        ("mqtt://127.0.0.1:7", {"host": "127.0.0.1", "port": 7, "protocols": ["mqtt"]}),
        ("tcp://localhost", {"host": "localhost", "port": 1883, "protocols": ["mqtt"]}),
        ("mqtts://[::1]:0", {"host": "::1", "port": 0, "protocols": ["mqtt"], "tls": "auto"}),
        ("ssl://:8883", {"port": 8883, "protocols": ["mqtt"], "tls": "auto"}),
        ("ws://a:1/", {"host": "a", "port": 1, "protocols": ["websocket"]}),
        (
            "wss://a:1/mqtt",
            {"host": "a", "port": 1, "protocols": ["websocket"], "tls": "auto", "websocket": {"paths": ["/mqtt"]}},
        ),
        ("http://a:1", {"host": "a", "port": 1, "protocols": ["websocket", "http"]}),
        ("https://a", {"host": "a", "port": 443, "protocols": ["websocket", "http"], "tls": "auto"}),
        ("mqtt+unix:///run/mqtt%20x", {"unix": "/run/mqtt x"}),
    ],
)
def test_a_listener_can_be_written_as_a_url(url: str, listener: dict[str, Any]) -> None:
    assert parse_listen_url(url) == listener
    Listener(**listener)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1:1883", "should look like mqtts://"),
        ("quic://a", "should look like mqtts://"),
        ("mqtt://a:65536", "its port should be a number from 0 to 65535"),
        ("mqtt://a:b", "its port should be a number from 0 to 65535"),
        ("mqtt://user@a:1", "a listener has no user"),
        ("ws://a:1/?x=1", "no query"),
        ("mqtt://a:1/mqtt", "nothing should follow the port"),
        ("mqtt+unix://run/mqtt", "three slashes"),
        ("mqtt+unix:///", "three slashes"),
    ],
)
def test_a_url_that_is_no_listener_is_refused(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_listen_url(url)


# ---- as a command


def configuration(cli: Cli, *arguments: str) -> dict[str, Any]:
    ended = cli("broker", *arguments, "--print-config")
    assert ended.exit_code == 0, ended.err
    document: dict[str, Any] = json.loads(ended.out)
    return document


def test_command_listens_where_urls_say(core: FakeCore, cli: Cli, tmp_path: Path) -> None:
    shown = configuration(cli, "--listen", "mqtt://127.0.0.1:7", "--listen", "wss://[::1]:8/mqtt")
    one, two = shown["listeners"]
    assert (one["host"], one["port"], one["protocols"], one["tls"]) == ("127.0.0.1", 7, ["mqtt"], "off")
    assert (two["host"], two["port"], two["protocols"], two["tls"]) == ("::1", 8, ["websocket"], "auto")
    assert two["websocket"]["paths"] == ["/mqtt"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--listen", "quic://a"], 2, "--listen quic://a: should look like mqtts://"),
        (["--listen", "mqtt://127.0.0.1", "--port", "5"], 104, "port = 5: should be left out beside listeners"),
        (["--require-certificate"], 2, "--require-certificate: needs --certs DIR"),
        (["--host", "0.0.0.0"], 104, '"allow_anonymous" false (--no-anonymous) or true (--allow-anonymous)'),
        (["--listen", "mqtt://0.0.0.0:1883"], 104, 'listeners[0].host = "0.0.0.0": can be reached from other machines'),
    ],
)
def test_command_refuses(core: FakeCore, cli: Cli, arguments: list[str], code: int, message: str) -> None:
    ended = cli("broker", *arguments)
    assert ended.exit_code == code
    assert message in ended.err
    assert core.brokers == []


def test_command_says_who_may_come_without_a_name(cli: Cli) -> None:
    assert configuration(cli, "--host", "0.0.0.0", "--allow-anonymous")["allow_anonymous"] is True
    assert configuration(cli, "--host", "0.0.0.0", "--no-anonymous")["allow_anonymous"] is False


@pytest.fixture
def ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds SIGINT as soon as it waits."""
    monkeypatch.setattr(signal, "sigwait", lambda numbers: signal.SIGINT)


@pytest.mark.usefixtures("ends_at_once")
def test_command_announces_what_each_listener_speaks(core: FakeCore, cli: Cli) -> None:
    listeners = [
        {"name": "inside", "protocols": ["mqtt", "websocket"], "tls": "auto", "plain_beside_tls": True},
        {"tls": CERTIFICATE},
        {"unix": "/tmp/a"},
        {"unix": "/tmp/b", "protocols": ["websocket"]},
    ]
    assert cli("broker", "--set", f"listeners={json.dumps(listeners)}").out.splitlines() == [
        "listening mqtt 127.0.0.1:40000 (inside; also mqtts, ws, wss)",
        "listening mqtts 127.0.0.1:40001",
        "listening mqtt+unix /tmp/a",
        "listening unix /tmp/b",
    ]


@pytest.mark.usefixtures("ends_at_once")
def test_command_tells_of_a_certificate_made_at_the_start_and_writes_its_authority(
    core: FakeCore, cli: Cli, tmp_path: Path
) -> None:
    core.ca_pem = "PEM"
    made = "TLS with a certificate made at this start; the CA that clients must trust"
    assert f"{made} comes by --write-ca FILE\n" in cli("broker").out
    file = tmp_path / "ca.pem"
    assert f"{made} is in {file}\n" in cli("broker", "--write-ca", str(file)).out
    assert file.read_text() == "PEM"
    ended = cli("broker", "--write-ca", str(tmp_path / "nowhere/ca.pem"))
    assert (ended.exit_code, ended.out) == (106, "")
    assert "ca.pem: cannot be written: No such file or directory" in ended.err
    core.ca_pem = ""
    ended = cli("broker", "--write-ca", str(file))
    assert (ended.exit_code, ended.out) == (2, "")
    assert "no certificate is made at this start" in ended.err


def test_listener_and_its_parts_are_to_be_had_from_the_package() -> None:
    assert mqtt_sim.Listener is Listener
    assert mqtt_sim.EmbeddedBroker(tls=ListenerTls(certificate="a", key="b")).to_core()["tls"]["key"] == "b"
    tls = ListenerTls(certificate=Path("a"), key=Path("b"))  # type: ignore[arg-type]
    assert (tls.certificate, tls.key) == ("a", "b")
