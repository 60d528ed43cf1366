"""Bad inputs at the embedded broker over real sockets: each answered as the standard demands, others unharmed."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import bad_inputs
import pytest
from canary import Canary, connected
from raw_mqtt import (
    CONNACK,
    DISCONNECT,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBLISH,
    PUBREC,
    SUBACK,
    V5,
    V311,
    RawClient,
    ack,
    connect,
    packet,
    publish,
    subscribe,
)

import mqtt_sim

ROWS = list(bad_inputs.rows())
PATIENCE_S = 10


@pytest.fixture(scope="module")
def running() -> Iterator[mqtt_sim.Broker]:
    with mqtt_sim.Broker() as broker:
        yield broker


@pytest.fixture
def canary(running: mqtt_sim.Broker) -> Iterator[Canary]:
    bird = Canary(running.port)
    yield bird
    bird.sing()
    bird.client.close()


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_answered_as_the_standard_demands(
    running: mqtt_sim.Broker, canary: Canary, row: bad_inputs.Row
) -> None:
    """[MQTT-4.13.1-1] [MQTT-4.13.2-1] [MQTT-4.8.0-1] of 3.1.1"""
    client = connected(running.port, "hostile", row.level) if row.is_connected else RawClient(running.port)
    with client:
        client.send(row.data)
        frames = client.receive_until_end()
    canary.sing()
    if row.connack is not None:
        assert [(frame.kind, frame.body[1]) for frame in frames] == [(CONNACK, row.connack)]
    elif row.level < V5 or not row.codes:
        assert frames == [], "below 5.0 a violation has no answer"
    elif frames:
        assert len(frames) == 1
        assert frames[0].kind == (DISCONNECT if row.is_connected else CONNACK)
        assert frames[0].body[0 if row.is_connected else 1] in row.codes


def test_bytes_that_come_one_at_a_time_are_a_packet_like_any_other(running: mqtt_sim.Broker) -> None:
    with RawClient(running.port) as client:
        for byte in connect("slow", V5) + subscribe(1, [("slow", 0)], V5) + publish("slow", b"x", level=V5):
            client.send(bytes([byte]))
        kinds = [frame.kind for frame in (client.receive() for _ in range(3)) if frame]
    assert kinds == [CONNACK, SUBACK, PUBLISH]


def test_two_thousand_packets_in_one_write_are_all_answered(running: mqtt_sim.Broker, canary: Canary) -> None:
    with connected(running.port, "chatty") as client:
        client.send(b"".join(publish("t", b"x", qos=1, packet_id=i) for i in range(1, 2001)))
        answers = [client.receive() for _ in range(2000)]
    assert [frame.packet_id for frame in answers if frame and frame.kind == PUBACK] == list(range(1, 2001))


def test_a_stream_that_never_says_connect_is_closed_in_time(canary: Canary) -> None:
    """[MQTT-3.1.4-5]: half-open connections cost a socket, and that for a limited time."""
    with mqtt_sim.Broker(connect_timeout="300ms") as broker, RawClient(broker.port) as client:
        began = time.monotonic()
        assert client.receive() is None
        assert 0.25 < time.monotonic() - began < 5
        assert broker.stats()["handshakes_failed"] == 1, "what it would have spoken is not known"
    strict = mqtt_sim.Broker(connect_timeout="300ms", listeners=[{}])
    with strict as broker, RawClient(broker.port) as client:
        assert client.receive() is None
        assert broker.stats()["connect_timeouts"] == 1


def test_a_silent_client_is_closed_at_one_and_a_half_keep_alives(running: mqtt_sim.Broker) -> None:
    """[MQTT-3.1.2-22]"""
    with connected(running.port, "sleeper", V5, keep_alive=1) as client:
        began = time.monotonic()
        frames = client.receive_until_end()
        assert 1.4 < time.monotonic() - began < 2.6
    assert [(frame.kind, frame.body[0]) for frame in frames] == [(DISCONNECT, 0x8D)]


# ---- resources


def resident_kib() -> int:
    """Of this process, which the broker is part of."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_announced_lengths_take_no_memory(running: mqtt_sim.Broker, canary: Canary) -> None:
    """[MQTT-3.1.2-24]: the broker's limit is looked at before anything is stored."""
    before = resident_kib()
    for _ in range(8):
        with connected(running.port, "boaster", V5) as client:
            client.send(b"\x30\xff\xff\xff\x7f" + b"\0\1t" + bytes(1000))
            assert [frame.body[0] for frame in client.receive_until_end()] == [0x95]
            canary.sing()
    assert resident_kib() - before < 8 * 1024


def test_a_client_that_never_acknowledges_is_given_its_receive_maximum_and_pongs(
    running: mqtt_sim.Broker, canary: Canary
) -> None:
    """[MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-3.3.4-9]"""
    with connected(running.port, "mute", V5, properties=b"\x21\0\5") as client:
        client.send(subscribe(1, [("flood", 2)], V5))
        assert client.receive() is not None
        with connected(running.port, "flooder") as flooder:
            flooder.send(b"".join(publish("flood", b"x", qos=1, packet_id=i) for i in range(1, 101)))
            for _ in range(100):
                assert flooder.receive() is not None
        client.send(packet(PINGREQ))
        frames = []
        while not frames or frames[-1].kind != PINGRESP:
            frame = client.receive()
            assert frame is not None
            frames.append(frame)
    assert [frame.kind for frame in frames] == [PUBLISH] * 5 + [PINGRESP]


def test_more_than_the_receive_maximum_ends_the_connection(running: mqtt_sim.Broker) -> None:
    """[MQTT-3.3.4-8]"""
    with mqtt_sim.Broker(receive_maximum=10) as broker, connected(broker.port, "pusher", V5) as client:
        client.send(b"".join(publish("t", b"x", qos=2, packet_id=i, level=V5) for i in range(1, 12)))
        frames = client.receive_until_end()
    assert [frame.kind for frame in frames] == [PUBREC] * 10 + [DISCONNECT]
    assert frames[-1].body[0] == 0x93


def test_a_subscriber_that_stops_reading_does_not_hold_up_others(running: mqtt_sim.Broker) -> None:
    """24 MiB at QoS 0 for a reader that stands still: its limit is kept, what is over it counted, the canary served."""
    limit = 4 << 20
    with mqtt_sim.Broker(output_limit=limit) as broker:
        bird = Canary(broker.port)
        with connected(broker.port, "frozen", keep_alive=0) as frozen:
            frozen.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            frozen.send(subscribe(1, [("flood", 0)]))
            assert frozen.receive() is not None
            before = resident_kib()
            worst = 0.0
            with connected(broker.port, "flooder") as flooder:
                for _ in range(24):
                    flooder.send(b"".join(publish("flood", bytes(16 << 10)) for _ in range(64)))
                    worst = max(worst, bird.sing())
                flooder.send(packet(PINGREQ))
                assert flooder.receive() is not None
            assert resident_kib() - before < (limit >> 10) + 16 * 1024
            assert broker.stats()["dropped_slow"] > 0
            assert worst < 2, "a loaded machine apart, far below 100 ms"
        bird.sing()
        bird.client.close()


def test_thousands_of_half_open_connections_leave_nothing_behind(running: mqtt_sim.Broker, canary: Canary) -> None:
    before = descriptors()
    crowd = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(2000)]
    canary.sing()
    for one in crowd:
        one.close()
    end = time.monotonic() + PATIENCE_S
    while descriptors() > before + 2 and time.monotonic() < end:
        time.sleep(0.02)
    assert descriptors() <= before + 2


def test_one_client_id_fought_for_ends_with_the_last(running: mqtt_sim.Broker, canary: Canary) -> None:
    """[MQTT-3.1.4-3]"""
    ended: list[int] = []

    def fight(number: int) -> None:
        with RawClient(running.port) as client:
            client.send(connect("contested", V5))
            frames = client.receive_until_end() if number else [client.receive()]
            ended.extend(frame.body[0] for frame in frames if frame and frame.kind == DISCONNECT)

    fighters = [threading.Thread(target=fight, args=(number,)) for number in range(1, 51)]
    for fighter in fighters:
        fighter.start()
    time.sleep(0.3)
    last = connected(running.port, "contested", V5)
    for fighter in fighters:
        fighter.join(PATIENCE_S)
    assert ended == [0x8E] * 50
    last.send(packet(PINGREQ))
    frame = last.receive()
    assert frame is not None
    assert frame.kind == PINGRESP
    last.close()


def test_deep_topics_are_refused_at_once(running: mqtt_sim.Broker, canary: Canary) -> None:
    deep = "/" * 65_535
    with connected(running.port, "diver", V5) as client:
        began = time.perf_counter()
        client.send(subscribe(1, [(deep, 0)], V5))
        frame = client.receive()
        assert frame is not None
        assert frame.body[-1] == 0x8F
        client.send(publish(deep, b"x", qos=1, packet_id=2, level=V5))
        frame = client.receive()
        assert frame is not None
        assert (frame.kind, frame.body[2]) == (PUBACK, 0x90)
        assert time.perf_counter() - began < 1


def test_open_exactly_once_identifiers_are_kept_over_reconnects(running: mqtt_sim.Broker) -> None:
    """[MQTT-4.3.3-10]: 60,000 QoS 2 messages without PUBREL; each is known when it comes again."""
    total, batch = 60_000, 1000
    with mqtt_sim.Broker(receive_maximum=65_535) as broker:
        listener = connected(broker.port, "listener", keep_alive=0)
        listener.send(subscribe(1, [("q2", 0)]))
        assert listener.receive() is not None
        for attempt in range(2):
            with connected(broker.port, "hoarder", V311, clean=False, keep_alive=0) as client:
                for start in range(1, total + 1, batch):
                    ids = range(start, start + batch)
                    client.send(b"".join(publish("q2", b"x", qos=2, packet_id=i, dup=bool(attempt)) for i in ids))
                    for identifier in ids:
                        frame = client.receive()
                        assert frame is not None
                        assert (frame.kind, frame.packet_id) == (PUBREC, identifier)
        assert broker.stats()["messages_out"] == total, "the second time nothing is delivered again"
        listener.close()


def test_a_retained_flood_reaches_a_reading_subscriber_whole(running: mqtt_sim.Broker, canary: Canary) -> None:
    total = 3000
    with connected(running.port, "keeper", keep_alive=0) as client:
        client.send(b"".join(publish(f"kept/{i}", b"x" * 1000, retain=True) for i in range(total)))
        client.send(subscribe(1, [("kept/#", 0)]))
        frames = [client.receive() for _ in range(total + 1)]
        assert len({frame.topic for frame in frames if frame and frame.kind == PUBLISH}) == total
        client.send(b"".join(publish(f"kept/{i}", b"", retain=True) for i in range(total)))
        client.send(packet(PINGREQ))
        while (frame := client.receive()) is not None and frame.kind != PINGRESP:
            pass
    assert running.stats()["retained"] == 0


def test_acknowledgements_for_nobody_are_harmless(running: mqtt_sim.Broker, canary: Canary) -> None:
    with connected(running.port, "answerer") as client:
        for kind in (PUBACK, PUBREC):
            client.send(ack(kind, 77))
        client.send(packet(PINGREQ))
        kinds = []
        while not kinds or kinds[-1] != PINGRESP:
            frame = client.receive()
            assert frame is not None
            kinds.append(frame.kind)
    assert kinds[-1] == PINGRESP
