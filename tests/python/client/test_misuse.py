"""What users, loops and processes do to a client: each ends in a clear exception, nothing hangs, nothing crashes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from fake_server import CONNACK, Fake, read_packet

import mqtt_sim

Run = Callable[[Any], Any]


def script(text: str, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """A Python program of its own; it must end in time and not by a signal."""
    done = subprocess.run([sys.executable, "-c", text, *arguments], capture_output=True, text=True, timeout=timeout)
    assert done.returncode >= 0 or done.returncode == -signal.SIGINT, done.stderr
    return done


@pytest.mark.parametrize(
    ("topic", "payload", "qos", "words"),
    [
        (5, "x", 0, "text"),
        ("t", 5, 0, "bytes or text"),
        ("t", {"a": 1}, 0, "publish_json"),
        ("t", "x", 3, "0, 1 or 2"),
        ("t", "x", True, "0, 1 or 2"),
        ("t", "x", "1", "0, 1 or 2"),
        ("a/+", "x", 0, "topic"),
        ("", "x", 0, "topic"),
        ("a\0", "x", 0, "topic"),
        ("a" * 65_536, "x", 0, "topic"),
    ],
)
def test_wrong_publish_is_refused_at_once(
    run: Run, broker: mqtt_sim.Broker, topic: Any, payload: Any, qos: Any, words: str
) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(broker.url) as client:
            with pytest.raises(mqtt_sim.UsageError, match=words):
                client.publish(topic, payload, qos)
            await client.publish("t", "x", 1)

    run(work())


@pytest.mark.measured
def test_payload_of_a_gigabyte_is_refused_before_it_is_copied(run: Run, broker: mqtt_sim.Broker) -> None:
    import mmap
    import resource

    async def work() -> None:
        with mmap.mmap(-1, 1_000_000_000) as pages:
            view = memoryview(pages)
            async with mqtt_sim.Client(broker.url) as client:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                with pytest.raises(mqtt_sim.UsageError, match="1,000,000,000 bytes is too large"):
                    client.publish("t", view)
                assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000
            view.release()

    run(work())


def test_payload_over_the_brokers_limit_is_refused_by_name(run: Run) -> None:
    async def work(url: str) -> None:
        async with mqtt_sim.Client(url, protocol_version=5) as client:
            with pytest.raises(mqtt_sim.DeliveryError, match="too large"):
                await client.publish("t", b"x" * 2000, 1)
            await client.publish("t", b"x", 1)

    with mqtt_sim.Broker(max_packet_size=1000) as broker:
        run(work(broker.url))


def test_too_many_open_publishes_are_refused(run: Run) -> None:
    async def work() -> None:
        client = mqtt_sim.Client("mqtt://127.0.0.1:1", outgoing_limit=3, outgoing_bytes_limit=100)
        for _ in range(3):
            client.publish("t", "x")
        with pytest.raises(mqtt_sim.QueueFull, match="3 publishes"):
            client.publish("t", "x")
        await client.end()
        client = mqtt_sim.Client("mqtt://127.0.0.1:1", outgoing_bytes_limit=100)
        client.publish("t", b"x" * 90)
        with pytest.raises(mqtt_sim.QueueFull, match="bytes"):
            client.publish("t", b"x" * 20)
        await client.end()

    run(work())


def test_calls_after_the_end_say_so(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        client = mqtt_sim.Client(broker.url, protocol_version=5)
        await client.connect()
        await client.end()
        await client.end()
        for call in (
            lambda: client.publish("t", "x"),
            lambda: client.subscribe("t"),
            lambda: client.unsubscribe("t"),
            lambda: client.messages(),
        ):
            with pytest.raises(mqtt_sim.ClientClosed):
                call()
        with pytest.raises(mqtt_sim.ClientClosed):
            await client.request("t")
        await client.reconnect()
        await client.publish("t", "x", 1)
        await client.end()

    run(work())


def test_what_is_open_at_the_end_fails_with_it(run: Run) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_packet(reader)
        writer.write(CONNACK)
        await reader.read()

    async def work() -> None:
        async with Fake(serve) as server:
            client = mqtt_sim.Client(server.url, in_flight_maximum=1)
            await client.connect()
            deliveries = [client.publish("t", "x", 1) for _ in range(3)]
            answer = client.subscribe("t")
            began = time.monotonic()
            await client.end(timeout=0.2)
            assert 0.15 < time.monotonic() - began < 5
            for delivery in deliveries:
                with pytest.raises((mqtt_sim.DeliveryError, mqtt_sim.ClientClosed)):
                    await delivery
            with pytest.raises(mqtt_sim.ClientClosed):
                await answer

    run(work())


def test_end_waits_for_what_was_published(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        client = mqtt_sim.Client(broker.url)
        await client.connect()
        deliveries = [client.publish("t", "x" * 1000, index % 3) for index in range(3000)]
        await client.end()
        assert all(delivery.is_done and delivery.error is None for delivery in deliveries)

    run(work())


def test_end_while_connecting(run: Run) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def work() -> None:
        async with Fake(serve) as server:
            client = mqtt_sim.Client(server.url).start()
            connecting = asyncio.ensure_future(client.connect())
            await asyncio.sleep(0.05)
            await client.end()
            with pytest.raises(mqtt_sim.ClientError):
                await connecting
            assert client.state == "closed"

    run(work())


def test_cancelled_connect_leaves_nothing_behind(run: Run) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def work() -> None:
        async with Fake(serve) as server:
            client = mqtt_sim.Client(server.url)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.connect(), 0.1)
            assert client.state == "closed"

    run(work())


def test_client_without_a_loop_says_what_to_do() -> None:
    with pytest.raises(mqtt_sim.UsageError, match=r"mqtt_sim\.connect"):
        mqtt_sim.Client().start()


def test_client_of_another_thread_is_refused(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(broker.url) as client:

            def elsewhere() -> str:
                with pytest.raises(mqtt_sim.UsageError, match="own event loop") as failed:
                    client.publish("t", "x")
                return str(failed.value)

            assert await asyncio.to_thread(elsewhere)

    run(work())


def test_loop_closed_under_the_client(broker: mqtt_sim.Broker) -> None:
    loop = asyncio.new_event_loop()
    client = mqtt_sim.Client(broker.url)
    loop.run_until_complete(client.connect())
    stream = client.messages()
    loop.close()

    async def after() -> None:
        with pytest.raises(mqtt_sim.ClientClosed, match="event loop"):
            client.publish("t", "x")
        with pytest.raises(mqtt_sim.ClientClosed, match="event loop"):
            client.start()
        await asyncio.wait_for(client.end(), 5)
        async with mqtt_sim.Client(broker.url) as other:
            await other.publish("t", "x", 1)
        assert len(stream) == 0

    asyncio.run(after())


def test_same_client_in_two_loops_one_after_the_other(broker: mqtt_sim.Broker) -> None:
    client = mqtt_sim.Client(broker.url)

    async def work() -> None:
        await client.connect()
        await client.publish("t", "x", 1)
        await client.end()

    asyncio.run(work())
    asyncio.run(work())


FORKING = """
import asyncio, os, sys
import mqtt_sim

async def child(client):
    try:
        client.publish("t", "x")
    except mqtt_sim.ClientClosed as error:
        assert "parent" in str(error), error
    await client.end()

async def fresh(url):
    async with mqtt_sim.Client(url) as other:
        await other.publish("t", "from the child", 1)

async def main(url):
    client = mqtt_sim.Client(url)
    await client.connect()
    await client.subscribe("t", 1)
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            asyncio.events._set_running_loop(None)
            asyncio.set_event_loop(None)
            asyncio.new_event_loop().run_until_complete(child(client))
            asyncio.new_event_loop().run_until_complete(fresh(url))
            code = 0
        finally:
            os._exit(code)
    message = await client.messages().get(10)
    assert message.text() == "from the child", message
    assert await asyncio.to_thread(os.waitpid, pid, 0) == (pid, 0)
    await client.end()

asyncio.run(main(sys.argv[1]))
print("fine")
"""


@pytest.mark.forks
def test_fork(broker: mqtt_sim.Broker) -> None:
    done = script(FORKING, broker.url)
    assert done.stdout == "fine\n", done.stderr


@pytest.mark.forks
def test_fork_and_a_regular_exit_of_the_child(broker: mqtt_sim.Broker) -> None:
    text = (
        "import mqtt_sim, os, sys\n"
        "client = mqtt_sim.connect(sys.argv[1])\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    with mqtt_sim.connect(sys.argv[1]) as other: other.publish('t', 'x', 1)\n"
        "    sys.exit(0)\n"
        "print(os.waitpid(pid, 0)[1])\n"
        "client.publish('t', 'x', 1); client.end()\n"
    )
    assert script(text, broker.url).stdout == "0\n"


@pytest.mark.parametrize(
    "text",
    [
        "client = mqtt_sim.connect(url)",
        "client = mqtt_sim.connect(url); client.publish('t', 'x', 2)",
        "loop = asyncio.new_event_loop(); client = mqtt_sim.Client(url); loop.run_until_complete(client.connect())",
        "client = mqtt_sim.Client('mqtt://127.0.0.1:1')\nasync def main(): client.start()\nasyncio.run(main())",
        "client = mqtt_sim.Client(url)\nasync def main():\n await client.connect()\n sys.exit(0)\nasyncio.run(main())",
        "broker = mqtt_sim.Broker().start(); client = mqtt_sim.connect(broker.url)",
        "client = mqtt_sim.connect(url)\nfor _ in range(50000): client.client.unclaimed\nos.kill(os.getpid(), 2)",
    ],
)
def test_interpreter_exits_with_a_running_client(broker: mqtt_sim.Broker, text: str) -> None:
    script(f"import asyncio, os, sys, mqtt_sim\nurl = sys.argv[1]\n{text}\n", broker.url)


@pytest.mark.parametrize("when", ["connecting", "waiting", "publishing"])
def test_ctrl_c_ends_a_blocking_call(when: str) -> None:
    calls = {
        "connecting": "client.connect()",
        "waiting": "client.connect(); next(client.messages())",
        "publishing": "client.connect()\nwhile True: client.publish('t', 'x', 1)",
    }
    text = (
        "import mqtt_sim, os, signal, socket, threading\n"
        f"silent = {when == 'connecting'}\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "broker = mqtt_sim.Broker().start()\n"
        "url = f'mqtt://127.0.0.1:{server.getsockname()[1]}' if silent else broker.url\n"
        "client = mqtt_sim.BlockingClient(url)\n"
        "threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        + "".join(f"    {line}\n" for line in calls[when].splitlines())
        + "except KeyboardInterrupt:\n    print('interrupted')\n"
    )
    assert script(text).stdout == "interrupted\n"


# ---- the blocking form


@pytest.mark.req("Y-01")
def test_blocking_client(broker: mqtt_sim.Broker) -> None:
    with mqtt_sim.connect(broker.url, protocol_version=5) as client:
        got: list[str] = []
        seen = threading.Event()

        def on_message(topic: str, *_: object) -> None:
            got.append(topic)
            seen.set()

        client.on("message", on_message)
        assert client.subscribe({"t": 1}) == [("t", 1)]
        assert client.publish("t", "x", qos=1).reason == 0
        assert seen.wait(5)
        messages = client.messages("t", timeout=0.5)
        client.publish_json("t", [1])
        client.publish("t", "2")
        assert [message.text() for message in messages] in (["[1]", "2"], ["2"], [])
        assert client.unsubscribe("t") == [0]
        with pytest.raises(mqtt_sim.UsageError):
            client.publish("#", "x")
        assert client.state == "connected"
    assert client.state == "closed"
    with pytest.raises(mqtt_sim.ClientClosed):
        client.publish("t", "x")


def test_blocking_client_gives_up_in_time(nobody: str) -> None:
    began = time.monotonic()
    with pytest.raises(mqtt_sim.ConnectError):
        mqtt_sim.connect(nobody)
    assert time.monotonic() - began < 5


def test_handler_of_a_blocking_client_must_not_wait(broker: mqtt_sim.Broker) -> None:
    refused = threading.Event()
    with mqtt_sim.connect(broker.url) as client:

        def on_message(*_: object) -> None:
            try:
                client.publish("other", "x", 1)
            except mqtt_sim.UsageError:
                refused.set()

        client.on("message", on_message)
        client.subscribe("t")
        client.publish("t", "x", 1)
        assert refused.wait(5)


def test_many_clients_come_and_go_without_a_trace(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        keeper = mqtt_sim.Client(broker.url)
        await keeper.connect()
        for _ in range(3):
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(50):
                async with mqtt_sim.Client(broker.url) as client:
                    await client.publish("t", "x", 1)
            await asyncio.sleep(0.05)
            assert len(os.listdir("/proc/self/fd")) <= before + 2
        await keeper.end()

    run(work())
