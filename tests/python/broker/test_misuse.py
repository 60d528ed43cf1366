"""Handlers that raise, block and stop; floods; what comes after the end; forks; the end of the interpreter."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import mqtt_sim

Run = Callable[..., Any]


@pytest.mark.filterwarnings("ignore")
def test_a_handler_that_raises_is_reported_and_the_others_are_called(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:

        def bad(packet: Any, client: Any) -> None:
            raise ValueError("oh no")

        async def also_bad(packet: Any, client: Any) -> None:
            raise KeyError("later")

        broker.on("error", lambda error: seen.note(("error", type(error))))
        broker.on("published", bad)
        broker.on("published", also_bad)
        broker.on("published", lambda packet, client: seen.note(packet.topic))
        broker.publish("a")
        told = seen.wait(3)
        broker.publish("b")
        seen.wait(6)
    assert set(told) == {("error", ValueError), ("error", KeyError), "a"}


def test_a_handler_that_blocks_holds_up_no_client(seen: Any) -> None:
    release = threading.Event()
    with mqtt_sim.Broker() as broker:
        broker.on("published", lambda packet, client: (seen.note(packet.topic), release.wait(10)))
        with mqtt_sim.BlockingClient(broker.url) as client:
            inbox = client.messages(timeout=5)
            client.subscribe("a")
            for number in range(100):
                client.publish("a", str(number), qos=1)
            assert [next(inbox).text() for _ in range(100)] == [str(number) for number in range(100)]
        assert len(seen) == 1
        release.set()
        seen.wait(100)


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_a_flood_with_a_slow_handler_is_bounded_and_counted(seen: Any, policy: str) -> None:
    count, kept = 10_000, 500
    release = threading.Event()
    with mqtt_sim.Broker(event_queue=kept, event_policy=policy) as broker:

        @broker.on("published")
        def slow(packet: Any, client: Any) -> None:
            release.wait(10)
            seen.note(int(packet.payload))

        broker.publish("a", "0").result(5)
        time.sleep(0.2)  # the handler has it
        began = time.monotonic()
        for number in range(1, count):
            broker.publish("a", str(number))
        broker.publish("a", str(count)).result(10)
        assert time.monotonic() - began < 10
        dropped = broker.events_dropped
        assert dropped >= count - kept - 1024
        release.set()
        told = seen.wait(count + 1 - dropped)
        assert len(told) + dropped == count + 1
        assert told == sorted(told)
        last = count if policy == "drop_oldest" else told[-1]
        assert told[-1] == last
        assert (told[-1] == count) == (policy == "drop_oldest")


def test_what_comes_after_the_end_says_so(seen: Any) -> None:
    broker = mqtt_sim.Broker()
    with broker, mqtt_sim.BlockingClient(broker.url, client_id="c", reconnect_period=0):
        client = broker.clients["c"]
    broker.stop()
    for call in (
        lambda: broker.publish("a"),
        lambda: broker.subscribe("a", print),
        lambda: broker.clients,
        lambda: broker.on("published", print),
        lambda: broker.hook("authenticate", print),
        lambda: client.publish("a"),
        client.disconnect,
        lambda: client.subscribe("a"),
        lambda: client.subscriptions,
    ):
        with pytest.raises(mqtt_sim.ClientClosed, match="has ended"):
            call()
    assert broker.closed
    assert broker.stats()["clients_total"] == 1


def test_stopping_inside_a_handler(seen: Any) -> None:
    broker = mqtt_sim.Broker()

    @broker.on("published")
    def stop(packet: Any, client: Any) -> None:
        broker.stop()
        seen.note("stopped")

    broker.on("client_disconnected", lambda client: seen.note(client.reason))
    broker.on("closed", lambda: seen.note("closed"))
    with broker, mqtt_sim.BlockingClient(broker.url, reconnect_period=0) as client:
        client.publish("a")
        assert seen.wait(3) == ["stopped", "shutdown", "closed"]
    assert len(seen) == 3


def test_stopping_inside_a_handler_on_the_users_loop(run: Run, seen: Any) -> None:
    async def work() -> None:
        async with mqtt_sim.Broker() as broker:

            @broker.on("published")
            def stop(packet: Any, client: Any) -> None:
                broker.stop()
                seen.note("stopped")

            broker.on("closed", lambda: seen.note("closed"))
            broker.publish("a")
            while len(seen) < 2:
                await asyncio.sleep(0.01)

    run(work())
    assert sorted(seen) == ["closed", "stopped"]


def test_events_while_stopping_are_all_told(seen: Any) -> None:
    broker = mqtt_sim.Broker()
    broker.on("client_disconnected", lambda client: seen.note((client.id, client.reason)))
    with broker:
        clients = [mqtt_sim.connect(broker.url, client_id=f"c{i}", reconnect_period=0) for i in range(20)]
    assert sorted(seen) == sorted((f"c{i}", "shutdown") for i in range(20))
    for client in clients:
        client.end(force=True)


def test_publishing_while_it_stops_ends_every_completion() -> None:
    broker = mqtt_sim.Broker().start()
    done: list[str] = []

    def flood() -> None:
        try:
            while True:
                publications = [broker.publish("a") for _ in range(50)]
                for publication in publications:
                    publication.result(5)
        except mqtt_sim.ClientClosed as error:
            done.append(str(error))

    threads = [threading.Thread(target=flood) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    broker.stop()
    for thread in threads:
        thread.join(10)
    assert len(done) == 3


def test_a_handler_that_never_ends_does_not_hold_up_the_stop() -> None:
    release = threading.Event()
    broker = mqtt_sim.Broker().start()
    broker.on("published", lambda packet, client: release.wait(20))
    broker.publish("a").result(5)
    time.sleep(0.1)
    began = time.monotonic()
    with pytest.warns(RuntimeWarning, match="still runs"):
        broker.stop()
    assert time.monotonic() - began < 6
    release.set()


def _in_child(broker: mqtt_sim.Broker, client: Any, answers: Any) -> None:
    for call in (
        lambda: broker.publish("a"),
        broker.stop,
        broker.stats,
        lambda: broker.clients,
        lambda: client.disconnect(),
        lambda: client.subscribe("a"),
    ):
        try:
            call()
            answers.put("done")
        except mqtt_sim.ClientClosed as error:
            answers.put(str(error))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.forks
def test_after_a_fork_the_child_is_told_and_the_parent_goes_on(seen: Any) -> None:
    context = multiprocessing.get_context("fork")
    with mqtt_sim.Broker() as broker, mqtt_sim.BlockingClient(broker.url, client_id="c") as peer:
        broker.on("published", lambda packet, client: seen.note(packet.topic))
        answers = context.Queue()
        child = context.Process(target=_in_child, args=(broker, broker.clients["c"], answers))
        child.start()
        told = [answers.get(timeout=15) for _ in range(6)]
        child.join(15)
        assert child.exitcode == 0
        assert all("forked" in text for text in told), told
        peer.publish("after", "x", qos=1)
        assert seen.wait(1) == ["after"]


EXITS = {
    "running": "broker = mqtt_sim.Broker().start()",
    "with handlers": "broker = mqtt_sim.Broker().start(); broker.on('published', print); broker.publish('a').result(5)",
    "with a client": "broker = mqtt_sim.Broker().start(); broker.on('client', id); c = mqtt_sim.connect(broker.url)",
    "never started": "broker = mqtt_sim.Broker(); broker.on('published', print); broker.publish('a')",
    "in a handler": (
        "import time; broker = mqtt_sim.Broker().start(); broker.on('published', lambda *_: time.sleep(30));"
        "broker.publish('a').result(5); time.sleep(0.1)"
    ),
    "by sys.exit in a handler": (
        "import sys; broker = mqtt_sim.Broker().start(); broker.on('published', lambda *_: sys.exit(3));"
        "broker.publish('a').result(5)"
    ),
    "with a hook": "broker = mqtt_sim.Broker(authenticate=lambda *_: True).start(); mqtt_sim.connect(broker.url)",
    "in a running loop": (
        "import asyncio\n"
        "async def work():\n"
        "    broker = await mqtt_sim.Broker().__aenter__()\n"
        "    broker.on('published', print)\n"
        "    await broker.publish('a')\n"
        "asyncio.run(work())"
    ),
}


@pytest.mark.parametrize("name", EXITS)
def test_the_interpreter_ends_with_a_running_broker(name: str) -> None:
    code = f"import mqtt_sim\n{EXITS[name]}\nprint('end')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert "end" in done.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"event_queue": 0}, "event_queue"),
        ({"event_queue": True}, "event_queue"),
        ({"event_policy": "block"}, "drop_oldest"),
    ],
)
def test_wrong_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(mqtt_sim.UsageError, match=words):
        mqtt_sim.Broker(**options)
