"""Connecting: URLs, options on the wire, refusals, time-outs, transports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fake_server import CONNACK, Fake, read_packet

import mqtt_sim
from mqtt_sim.client.settings import read_options, read_urls

Run = Callable[[Any], Any]


@pytest.mark.unit
@pytest.mark.req("A-12", "C-02")
@pytest.mark.parametrize(
    ("url", "transport", "host", "port", "path"),
    [
        ("mqtt://localhost", "tcp", "localhost", 1883, None),
        ("tcp://localhost:1884", "tcp", "localhost", 1884, None),
        ("mqtt://[::1]:1885", "tcp", "::1", 1885, None),
        ("mqtts://broker", "tls", "broker", 8883, None),
        ("tls://broker", "tls", "broker", 8883, None),
        ("ssl://broker:1", "tls", "broker", 1, None),
        ("ws://broker", "ws", "broker", 80, None),
        ("wss://broker/mqtt?x=1", "wss", "broker", 443, "/mqtt?x=1"),
    ],
)
def test_url_says_where_and_how(url: str, transport: str, host: str, port: int, path: str | None) -> None:
    (read,) = read_urls(url, read_options({}))
    assert (read.transport, read.host, read.port, read.path) == (transport, host, port, path)


@pytest.mark.unit
@pytest.mark.parametrize(
    "url", ["localhost", "http://x", "mqtt://", "mqtt://h:0", "mqtt://h:x", "mqtt://h/path", "", 5]
)
def test_bad_url_is_refused_at_once(url: Any) -> None:
    with pytest.raises(mqtt_sim.UsageError):
        mqtt_sim.Client(url)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"keep_alve": 5}, "keep_alive"),
        ({"keep_alive": "soon"}, "keep_alive"),
        ({"keep_alive": 70_000}, "65535s"),
        ({"protocol_version": 6}, "3.1.1"),
        ({"clean": False}, "client_id"),
        ({"password": "secret"}, "username"),
        ({"session_expiry_interval": 5}, "5.0"),
        ({"will": {"topic": "t", "delay": 1}}, "5.0"),
        ({"will": {"topik": "t"}}, "topic"),
        ({"queue_policy": "forget"}, "drop_oldest"),
        ({"tls": 5}, "dictionary"),
        ({"client_id": 5}, "client_id"),
        ({"reschedule_pings": False}, "reschedule_pings"),
    ],
)
def test_wrong_option_names_what_would_be_right(options: dict[str, Any], words: str) -> None:
    with pytest.raises(mqtt_sim.UsageError, match=words):
        mqtt_sim.Client(**options)


async def _connect_bytes(**options: Any) -> bytes:
    """The CONNECT that a client sends."""
    seen: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(await read_packet(reader))
        writer.write(CONNACK)
        await reader.read()

    async with Fake(serve) as server, mqtt_sim.Client(server.url, **options):
        first, body = await seen
        assert first == 0x10
        return body


@pytest.mark.req("C-04", "C-05", "C-06", "C-07")
@pytest.mark.parametrize(
    ("options", "head", "clean"),
    [
        ({"protocol_version": 3}, b"\0\6MQIsdp\3", True),
        ({"protocol_version": 4, "keepalive": 10}, b"\0\4MQTT\4", True),
        ({"protocol_version": "3.1.1", "clean": False}, b"\0\4MQTT\4", False),
    ],
)
def test_options_are_in_the_connect_packet(run: Run, options: dict[str, Any], head: bytes, clean: bool) -> None:
    body = run(_connect_bytes(client_id="me", **options))
    assert body.startswith(head)
    flags, keep_alive = body[len(head)], int.from_bytes(body[len(head) + 1 : len(head) + 3])
    assert bool(flags & 2) == clean
    assert keep_alive == options.get("keepalive", 60)
    assert body.endswith(b"\0\2me")


@pytest.mark.req("C-11", "C-10")
def test_login_and_will_are_in_the_connect_packet(run: Run) -> None:
    will = {"topic": "gone", "payload": b"\0\xff", "qos": 1, "retain": True}
    body = run(_connect_bytes(client_id="me", username="u", password=b"\xff\0", will=will))
    assert body[7] == 0b1110_1110
    assert body.endswith(b"\0\2me\0\4gone\0\2\0\xff\0\1u\0\2\xff\0")


@pytest.mark.req("A-13", "C-18")
@pytest.mark.parametrize("version", ["3.1", "3.1.1", "5.0"])
def test_connack_tells_session_and_properties(run: Run, broker: mqtt_sim.Broker, version: str) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(broker.url, protocol_version=version) as client:
            assert client.connack is not None
            assert (client.connack.session_present, client.connack.reason) == (False, 0)
            assert ("topic_alias_maximum" in client.connack.properties) == (version == "5.0")
            assert client.is_connected

    run(work())


@pytest.mark.req("C-09")
def test_silent_server_is_given_up(run: Run) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def work() -> None:
        async with Fake(serve) as server:
            client = mqtt_sim.Client(server.url, connect_timeout=0.2)
            with pytest.raises(mqtt_sim.ConnectError) as failed:
                await client.connect()
            assert failed.value.kind == "connack timeout"
            assert client.state == "closed"

    run(work())


def test_connect_has_a_time_limit_of_its_own(run: Run, nobody: str) -> None:
    async def work() -> None:
        with pytest.raises(mqtt_sim.ConnectError, match=r"within 0\.2 s"):
            await mqtt_sim.Client(nobody, reconnect_period=0.05).connect(timeout=0.2, retry=True)

    run(work())


def test_nobody_listening_is_an_error_that_says_so(run: Run, nobody: str) -> None:
    async def work() -> None:
        with pytest.raises(mqtt_sim.ConnectError, match="refused") as failed:
            async with mqtt_sim.Client(nobody):
                pass
        assert failed.value.kind == "unreachable"
        with pytest.raises(mqtt_sim.ConnectError, match="name"):
            await mqtt_sim.Client("mqtt://no-such-name.invalid").connect()

    run(work())


@pytest.mark.req("C-11")
@pytest.mark.parametrize(("version", "reason"), [("3.1.1", 0x86), ("5.0", 0x86)])
def test_refusal_carries_its_reason_and_no_password(run: Run, version: str, reason: int) -> None:
    async def work(url: str) -> None:
        client = mqtt_sim.Client(url, protocol_version=version)
        with pytest.raises(mqtt_sim.ConnectError) as failed:
            await client.connect()
        assert (failed.value.kind, failed.value.reason) == ("refused", reason)
        assert "wrong-word" not in str(failed.value) + repr(client)
        assert "hidden" not in repr(mqtt_sim.Client(username="anna", password="hidden").options)

    with mqtt_sim.Broker(credentials={"anna": "right"}, allow_anonymous=False) as broker:
        run(work(broker.url.replace("mqtt://", "mqtt://anna:wrong-word@")))

        async def right() -> None:
            async with mqtt_sim.Client(broker.url.replace("mqtt://", "mqtt://anna:right@"), protocol_version=version):
                pass

        run(right())


@pytest.mark.req("C-02")
@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("version", ["3.1", "3.1.1", "5.0"])
@pytest.mark.parametrize("scheme", ["mqtt", "mqtts", "ws", "wss"])
def test_every_transport_version_and_qos(
    run: Run, broker: mqtt_sim.Broker, scheme: str, version: str, qos: int
) -> None:
    async def work() -> None:
        url = broker.url_for(scheme)
        tls = {"ca": broker.ca_pem} if scheme in ("mqtts", "wss") else {}
        async with mqtt_sim.Client(url, protocol_version=version, **tls) as client:
            await client.subscribe("echo", qos=qos)
            await client.publish("echo", b"\0\xff", qos=qos)
            message = await client.messages().get(5)
            assert (message.payload, message.qos) == (b"\0\xff", qos)

    run(work())


@pytest.mark.req("C-02")
@pytest.mark.interop
@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("version", ["3.1", "3.1.1", "5.0"])
def test_mosquitto_in_every_version_and_qos(run: Run, mosquitto: str, version: str, qos: int) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(mosquitto, protocol_version=version) as client:
            assert [grant.qos for grant in await client.subscribe("echo", qos=qos)] == [qos]
            await client.publish("echo", "there", qos=qos)
            assert (await client.messages().get(5)).text() == "there"

    run(work())


@pytest.mark.req("C-03", "C-12")
def test_certificate_is_verified_unless_told_otherwise(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        url = broker.url_for("mqtts")
        with pytest.raises(mqtt_sim.ConnectError) as failed:
            await mqtt_sim.Client(url).connect()
        assert failed.value.kind == "tls"
        with pytest.raises(mqtt_sim.ConnectError):
            await mqtt_sim.Client(url, ca=broker.ca_pem, server_name="other.example").connect()
        async with mqtt_sim.Client(url, reject_unauthorized=False):
            pass

    run(work())


@pytest.mark.req("C-03")
def test_tls_file_that_is_not_there_is_named_at_once(run: Run) -> None:
    async def work() -> None:
        with pytest.raises(mqtt_sim.UsageError, match="nowhere"):
            mqtt_sim.Client("mqtts://localhost", ca="nowhere.pem").start()

    run(work())


@pytest.mark.req("Y-03")
def test_servers_are_tried_in_turn(run: Run, broker: mqtt_sim.Broker, nobody: str) -> None:
    async def work() -> None:
        client = mqtt_sim.Client(nobody, servers=[nobody, broker.url], reconnect_period=0.05)
        await client.connect(retry=True, timeout=10)
        await client.publish("t", "x", qos=1)
        await client.end()

    run(work())


@pytest.mark.req("Y-08")
def test_websocket_url_is_asked_for_before_each_attempt(run: Run, broker: mqtt_sim.Broker, nobody: str) -> None:
    asked: list[str] = []

    def sign(url: str) -> str:
        asked.append(url)
        return broker.url_for("ws") + "?signature=1" if len(asked) > 1 else nobody.replace("mqtt", "ws")

    async def work() -> None:
        client = mqtt_sim.Client("ws://broker.invalid/mqtt", on_ws_url=sign, reconnect_period=0.05)
        await client.connect(retry=True, timeout=10)
        await client.end()

    run(work())
    assert asked == ["ws://broker.invalid/mqtt"] * 2


@pytest.mark.req("Y-08")
def test_websocket_headers_and_subprotocols_are_sent(run: Run) -> None:
    async def work() -> bytes:
        head: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head.set_result(await reader.readuntil(b"\r\n\r\n"))

        async with Fake(serve) as server:
            url = server.url.replace("mqtt", "ws") + "/there"
            client = mqtt_sim.Client(url, ws_headers={"X-Who": "me"}, ws_subprotocols=["one", "two"])
            with pytest.raises(mqtt_sim.ConnectError) as failed:
                await client.connect()
            assert failed.value.kind == "upgrade"
            return await head

    head = run(work())
    assert head.startswith(b"GET /there ")
    assert b"X-Who: me\r\n" in head
    assert b"one, two\r\n" in head or b"one,two\r\n" in head


def test_unix_socket(run: Run, tmp_path: Any) -> None:
    async def work(path: str) -> None:
        async with mqtt_sim.Client(f"mqtt+unix://{path}") as client:
            await client.publish("t", "x", qos=1)

    path = str(tmp_path / "mqtt.sock")
    with mqtt_sim.Broker(listeners=[{"unix": path}]):
        run(work(path))
