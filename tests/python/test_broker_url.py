"""URLs of brokers: what each spelling means, and what is said about those that mean nothing."""

from __future__ import annotations

import re

import pytest

import mqtt_sim
from mqtt_sim.broker_url import BrokerUrl, parse_broker_url, without_password


def url(transport: str = "tcp", host: str = "h", port: int = 1883, **others: str) -> BrokerUrl:
    fields: dict[str, str | None] = dict.fromkeys(("unix", "memory", "path", "username", "password"))
    fields |= others
    return BrokerUrl(transport, host, port, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("mqtt://h", url()),
        ("tcp://h:1884", url(port=1884)),
        ("MQTT://h/", url()),
        ("mqtts://h", url("tls", port=8883)),
        ("tls://h:8884", url("tls", port=8884)),
        ("ssl://h", url("tls", port=8883)),
        ("ws://h", url("ws", port=80)),
        ("wss://h", url("wss", port=443)),
        ("ws://h:8080/", url("ws", port=8080, path="/")),
        ("wss://h/mqtt?token=a%20b", url("wss", port=443, path="/mqtt?token=a%20b")),
        ("ws://h?x=1", url("ws", port=80, path="/?x=1")),
        ("mqtt://[::1]:1885", url(host="::1", port=1885)),
        ("mqtts://us%40er:p%3Ass@h", url("tls", port=8883, username="us@er", password="p:ss")),
        ("mqtt://user@h", url(username="user")),
        ("mqtt+unix:///run/mqtt.sock", url(host="", unix="/run/mqtt.sock")),
        ("mqtt+unix:///run/a%20b", url(host="", unix="/run/a b")),
    ],
)
def test_every_part_is_read(text: str, meaning: BrokerUrl) -> None:
    assert parse_broker_url(text) == meaning


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("localhost:1883", "should look like mqtt://host:1883"),
        (
            "quic://h",
            'there is no transport "quic" (there are mqtt, tcp, mqtts, tls, ssl, ws, wss, mqtt+unix, mqtt+memory)',
        ),
        ("mqtt://", "the host is missing"),
        ("mqtt://h:0", "its port should be a number from 1 to 65535"),
        ("mqtt://h:65536", "its port should be a number from 1 to 65535"),
        ("mqtts://h:x", "its port should be a number from 1 to 65535"),
        ("mqtt://h/mqtt", "only a WebSocket has a path"),
        ("mqtts://h?a=1", "only a WebSocket has a path"),
        ("ws://h/mqtt#top", 'should have no "#top" at its end'),
        ("mqtt+unix://run/mqtt", "should have three slashes"),
        ("mqtt+unix:///", "should be mqtt+unix:///path/of/the/socket"),
    ],
)
def test_what_is_wrong_is_told_with_what_would_be_right(text: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=re.escape(remedy)):
        parse_broker_url(text)


def test_a_password_is_hidden() -> None:
    assert without_password("wss://u:secret@h/mqtt") == "wss://u:***@h/mqtt"
    assert without_password("ws://h") == "ws://h"
    assert without_password("ws://u:s@c/r:et@h/@x") == "ws://u:***@c/r:et@h/@x"
    assert without_password("ws://u:se@cr:et@h/@x") == "ws://u:***@h/@x"
    assert without_password('["mqtt://a", "mqtt://u:@b"]') == '["mqtt://a", "mqtt://u:***@b"]'


@pytest.mark.parametrize("wrong", ["mqtx://ann:hidden@h", "mqtt://ann:hidden@h:99999", "ws://ann:hidden@h:0/mqtt"])
def test_password_of_a_wrong_url_is_not_told(wrong: str) -> None:
    scenario = {"name": "a", "producers": [{"name": "p", "topic": "t"}]}
    for attempt in (
        lambda: mqtt_sim.Client(wrong),
        lambda: mqtt_sim.load_scenario({**scenario, "target": {"url": wrong}}),
        lambda: mqtt_sim.Client("mqtt://h", proxy=wrong),
        lambda: mqtt_sim.load_scenario({**scenario, "client": {"proxy": wrong}}),
    ):
        with pytest.raises(mqtt_sim.MqttSimError, match=r"ann:\*\*\*@h") as raised:
            attempt()
        assert "hidden" not in str(raised.value)
