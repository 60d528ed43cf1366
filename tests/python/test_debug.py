"""MQTT_SIM_DEBUG: what it shows of clients, packets and brokers, and what it never shows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim import debug

LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} (client|packet|broker) ")


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """What one client and one broker say with the variable as given."""

    async def work(url: str, ca: str) -> None:
        options: dict[str, Any] = {
            "client_id": "me",
            "username": "user",
            "password": "hidden-1",
            "will": {"topic": "w", "payload": "hidden-2"},
            "protocol_version": 5,
        }
        async with mqtt_sim.Client(url.replace("://", "://other:hidden-3@"), **options) as client:
            await client.subscribe("topic/+", 1)
            await client.publish("topic/1", "secret words", 1)
            await client.messages().get(30)
            await client.unsubscribe("topic/+")

    def run(areas: str) -> str:
        monkeypatch.setenv(debug.VARIABLE, areas)
        with mqtt_sim.Broker() as broker:
            asyncio.run(work(broker.url, ""))
        return capfd.readouterr().err

    return run


@pytest.mark.net
@pytest.mark.req("Y-13")
def test_client_tells_orders_states_and_messages(trace: Callable[[str], str]) -> None:
    shown = trace("client")
    for words in (
        "me: MQTT level 5, clean start, user 'user', password ***",
        "me: connecting -> connected",
        "me: subscribe [('topic/+', 1)]",
        "me: publish 'topic/1', 12 bytes, QoS 1",
        "me: message 'topic/1', 12 bytes, QoS 1",
        "me: unsubscribe ['topic/+']",
        "me: connection over: ended by us",
    ):
        assert words in shown
    assert " packet " not in shown
    assert " broker " not in shown


@pytest.mark.net
@pytest.mark.req("Y-13")
def test_packets_in_both_directions(trace: Callable[[str], str]) -> None:
    lines = [line.split(" packet ", 1)[1] for line in trace("packet").splitlines() if " packet " in line]
    names = [" ".join(line.split()[1:3]) for line in lines]
    assert names[:4] == ["-> CONNECT", "<- CONNACK", "-> SUBSCRIBE", "<- SUBACK"]
    assert {"-> PUBLISH", "<- PUBACK", "<- PUBLISH", "-> PUBACK", "-> DISCONNECT"} <= set(names)
    assert any("'topic/1' QoS 1" in line for line in lines)


@pytest.mark.net
@pytest.mark.req("Y-13")
def test_broker_tells_its_events(trace: Callable[[str], str]) -> None:
    shown = trace("broker")
    for words in (
        "ready",
        "client_connected 'me'",
        "published 'topic/1', 12 bytes, QoS 1 'me'",
        "client_disconnected 'me'",
    ):
        assert f" broker {words}" in shown


@pytest.mark.net
@pytest.mark.req("Y-13")
def test_payloads_show_when_they_are_named_and_passwords_never(trace: Callable[[str], str]) -> None:
    without, shown = trace("client,packet,broker"), trace("client, Packet,broker,payload")
    assert "secret words" not in without
    assert shown.count("b'secret words'") >= 3
    for text in (without, shown):
        assert "hidden" not in text
        assert all(LINE.match(line) for line in text.splitlines()), text


@pytest.mark.net
@pytest.mark.parametrize("areas", ["", ",", "payload"])
def test_nothing_is_said_unless_an_area_is_named(trace: Callable[[str], str], areas: str) -> None:
    assert trace(areas) == ""


def test_star_is_everything_but_payloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(debug.VARIABLE, "*")
    assert debug.areas() == {"client", "packet", "broker"}


def test_unknown_area_names_the_nearest_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(debug.VARIABLE, "packets,client")
    monkeypatch.setattr(debug, "_told_unknown", set())
    assert debug.areas() == debug.areas() == {"client"}
    assert capfd.readouterr().err == 'MQTT_SIM_DEBUG: there is no area "packets"; did you mean "packet"?\n'


@pytest.mark.net
@pytest.mark.req("Y-13")
def test_commands_are_traced(monkeypatch: pytest.MonkeyPatch, cli: Any) -> None:
    monkeypatch.setenv(debug.VARIABLE, "client,packet")
    with mqtt_sim.Broker() as broker:
        done = cli("pub", "--url", broker.url, "-t", "t", "-m", "secret words", "-q", "1", "-u", "user", "-P", "hidden")
    assert done.exit_code == 0, done.err
    assert "-> PUBLISH" in done.err
    assert "secret" not in done.err
    assert "hidden" not in done.err
