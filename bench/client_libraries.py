#!/usr/bin/env python3
"""One MQTT library in Python at work: client_libraries.py LIBRARY WORK PORT MESSAGES; prints `name=number` pairs.

LIBRARY: mqtt_sim, aiomqtt or paho. WORK: receive (QoS 0, from another process; in an `async for` where there is one),
publish0 (as fast as the library takes them; of aiomqtt a hundred tasks, since each publish has to be awaited) or
publish1 (QoS 1, a hundred tasks that await theirs; of paho, which has none, at most 100 in flight). CPU is that of the
whole process, threads of the library included, without start-up.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

HOST, TOPIC, PAYLOAD, IN_FLIGHT = "127.0.0.1", "bench/in", b"x" * 64, 100
Work = Callable[[int, int], Awaitable[float]]


async def _start_sender(port: int, count: int) -> asyncio.subprocess.Process:
    command = [sys.executable, __file__, "mqtt_sim", "send", str(port), str(count)]
    return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)


async def _receive(port: int, count: int, stream: Any) -> float:
    sender = await _start_sender(port, count)
    begin, received = 0.0, 0
    async for _ in stream:
        received += 1
        if received == 1:
            begin = time.process_time()
        if received == count:
            break
    cpu_s = time.process_time() - begin
    await sender.wait()
    return cpu_s


async def _at_once(count: int, publish: Callable[[], Awaitable[Any]]) -> float:
    async def work() -> None:
        for _ in range(count // IN_FLIGHT):
            await publish()

    begin = time.process_time()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return time.process_time() - begin


async def ours(work: str, port: int, count: int) -> float:
    """mqtt_sim.Client."""
    import mqtt_sim

    async with mqtt_sim.Client(f"mqtt://{HOST}:{port}", queue_limit=1_000_000) as client:
        if work == "receive":
            await client.subscribe(TOPIC)
            return await _receive(port, count, client.messages())
        if work == "publish1":
            return await _at_once(count, lambda: client.publish(TOPIC, PAYLOAD, 1))
        begin = time.process_time()
        for index in range(count):
            delivery = client.publish(TOPIC, PAYLOAD)
            if index % 2000 == 1999:
                await delivery
        await client.flush()
        return time.process_time() - begin


async def aiomqtt(work: str, port: int, count: int) -> float:
    """aiomqtt.Client, which is paho in asyncio."""
    import aiomqtt

    options: dict[str, Any] = {"max_queued_incoming_messages": 0, "max_inflight_messages": IN_FLIGHT}
    async with aiomqtt.Client(HOST, port, max_concurrent_outgoing_calls=IN_FLIGHT, **options) as client:
        if work == "receive":
            await client.subscribe(TOPIC)
            return await _receive(port, count, client.messages)
        return await _at_once(count, lambda: client.publish(TOPIC, PAYLOAD, int(work == "publish1")))


async def paho(work: str, port: int, count: int) -> float:
    """paho-mqtt with its own thread and callbacks."""
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    client, ready, over = mqtt.Client(CallbackAPIVersion.VERSION2), threading.Event(), threading.Event()
    times, received = [0.0], 0

    def on_message(*_: Any) -> None:
        nonlocal received
        received += 1
        if received == 1:
            times[0] = time.process_time()
        if received == count:
            times.append(time.process_time())
            over.set()

    def on_connect(*_: Any) -> None:
        if work == "receive":
            client.subscribe(TOPIC)
        else:
            ready.set()

    client.on_message, client.on_connect, client.on_subscribe = on_message, on_connect, lambda *_: ready.set()
    client.max_inflight_messages_set(IN_FLIGHT)
    client.connect(HOST, port)
    client.loop_start()
    assert ready.wait(10)
    if work == "receive":
        sender = await _start_sender(port, count)
        await asyncio.to_thread(over.wait)
        await sender.wait()
        return times[1] - times[0]
    begin = time.process_time()
    for _ in range(count):
        info = client.publish(TOPIC, PAYLOAD, int(work == "publish1"))
    info.wait_for_publish()
    cpu_s = time.process_time() - begin
    client.loop_stop()
    return cpu_s


LIBRARIES: dict[str, Callable[[str, int, int], Awaitable[float]]] = {"mqtt_sim": ours, "aiomqtt": aiomqtt, "paho": paho}


async def main() -> None:
    """One library, one work."""
    library, work, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    cpu_s = await LIBRARIES[library](work, port, count)
    print(f"messages={count} cpu_s={cpu_s:.4f} messages_per_cpu_s={count / cpu_s:.0f}")


if __name__ == "__main__":
    asyncio.run(main())
