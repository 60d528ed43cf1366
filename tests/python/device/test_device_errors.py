"""Scripts that go wrong: named with file, line, device and time; the run ends with 107, or counts them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mqtt_sim import Client, Devices, Result, Scenario, ScenarioError, ScriptError, run
from mqtt_sim.device import Context, DeviceClient, stage, watch
from mqtt_sim.errors import ClientClosed, UsageError
from mqtt_sim.result import Result as LoadedResult

Play = Callable[..., Result]
HERE = str(Path(__file__))


def line_of(marker: str) -> int:
    lines = Path(__file__).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"# {marker}"))


def told(result: Result) -> ScriptError:
    assert (result.status, result.exit_code) == ("script_failed", 107), str(result)
    error = result.script_error
    assert error is not None
    return error


async def fails_at_once(client: DeviceClient, context: Context) -> None:
    raise ValueError("no such luck")  # fails_at_once


async def fails_later(client: DeviceClient, context: Context) -> None:
    await asyncio.sleep(0.1)
    raise ValueError("later")  # fails_later


async def fails_in_handler(client: DeviceClient, context: Context) -> None:
    def handle(topic: str, payload: bytes, message: Any) -> None:
        raise LookupError("in a handler")  # fails_in_handler

    client.on("message", handle)
    await client.subscribe("t")
    await client.publish("t", "x")
    await context.stopping.wait()


async def fails_in_task(client: DeviceClient, context: Context) -> None:
    async def work() -> None:
        raise LookupError("in a task")  # fails_in_task

    asyncio.create_task(work())  # noqa: RUF006
    await context.stopping.wait()


async def fails_in_group(client: DeviceClient, context: Context) -> None:
    async def work() -> None:
        raise LookupError("in a group")  # fails_in_group

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work())


async def fails_when_cancelled(client: DeviceClient, context: Context) -> None:
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        raise RuntimeError("after cancel") from None  # fails_when_cancelled


async def interrupts(client: DeviceClient, context: Context) -> None:
    raise KeyboardInterrupt  # interrupts


async def exits(client: DeviceClient, context: Context) -> None:
    raise SystemExit(3)  # exits


async def publishes_after_the_end(client: DeviceClient, context: Context) -> None:
    await client.end()
    await client.publish("t", "x")  # publishes_after_the_end


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (fails_at_once, "ValueError: no such luck"),
        (fails_later, "ValueError: later"),
        (fails_in_handler, "LookupError: in a handler"),
        (fails_in_task, "LookupError: in a task"),
        (fails_in_group, "LookupError: in a group"),
        (fails_when_cancelled, "RuntimeError: after cancel"),
        (interrupts, "KeyboardInterrupt"),
        (exits, "SystemExit: 3"),
        (publishes_after_the_end, "ClientClosed: "),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_failure_names_file_line_device_and_time(play: Play, is_virtual: bool, script: Any, words: str) -> None:
    result = play(script)
    error = told(result)
    assert (error.file, error.line) == (HERE, line_of(script.__name__))
    assert re.search(r'device device-0 \(client "device-0"\) at \d\.\d{3} s', str(error))
    assert ("of virtual time" in str(error)) == is_virtual
    assert words in str(error)
    with pytest.raises(ScriptError, match="device-0"):
        result.raise_for_status()
    assert LoadedResult(result.to_dict()).script_error is not None


def test_failures_are_counted_where_the_scenario_says_so(play: Play) -> None:
    result = play(fails_later, count=7, on_error="count")
    assert result.status == "passed", str(result)
    assert result.device_groups[0]["failed"] == 7
    (error,) = result.errors
    assert error["text"] == f"{HERE}:{line_of('fails_later')}: ValueError: later"
    assert error["count"] == 7
    assert 0.1 <= error["first_at_s"] < 0.5


def test_one_failure_ends_the_run_early_and_the_others_in_good_order(play: Play) -> None:
    async def patient(client: DeviceClient, context: Context) -> None:
        try:
            await context.stopping.wait()
        finally:
            context.count("ended")

    others = [Devices(name="patient", count=3, script=patient)]
    begun = time.monotonic()
    result = play(fails_later, devices=others, scenario={"duration": "60s"})
    told(result)
    assert time.monotonic() - begun < 10
    assert result.device_counts == {"ended": 3}
    assert result.elapsed < 5


# ---- scripts that cannot be


async def takes_nothing() -> None:
    pass


def is_no_coroutine(client: Any, context: Any) -> None:
    pass


async def yields(client: Any, context: Any) -> Any:
    yield 1


@pytest.mark.parametrize(
    ("script", "remedy"),
    [
        (takes_nothing, "should take two arguments"),
        (is_no_coroutine, 'should be a coroutine function: "async def is_no_coroutine'),
        (yields, "has a yield"),
        (7, "should be a coroutine function, or text"),
        ("sensor.py", "should name a Python file and a function in it"),
    ],
)
def test_script_that_cannot_be_one_is_refused(script: Any, remedy: str) -> None:
    with pytest.raises(ScenarioError, match=remedy):
        Devices(script=script)


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"publish": {"topic": "t"}}, "a script publishes and subscribes by itself"),
        ({"subscribe": {"topic": "t"}}, "a script publishes and subscribes by itself"),
        ({"on_error": "ignore"}, "should be 'fail' or 'count'"),
    ],
)
def test_what_does_not_go_with_a_script_is_refused(options: dict[str, Any], remedy: str) -> None:
    document = {"name": "x", "devices": [{"script": "a.py:b", **options}]}
    with pytest.raises(ScenarioError, match=remedy):
        run(document, sim=True)


def test_arguments_need_a_script() -> None:
    with pytest.raises(ScenarioError, match='they are for a "script"'):
        Devices(arguments={"a": 1})


def test_missing_file_and_function_are_named(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('{"name": "x", "devices": [{"script": "x.py:devise"}]}')
    with pytest.raises(ScenarioError, match=r"devices\[0\].script .*there is no such file beside the scenario"):
        run(file, sim=True)
    (tmp_path / "x.py").write_text("async def device(client, context):\n    pass\n")
    with pytest.raises(ScenarioError, match='has no function devise; did you mean "device"'):
        run(file, sim=True)
    (tmp_path / "x.py").write_text("import nothing_like_this\n")
    with pytest.raises(ScriptError, match=r"x.py:1: ModuleNotFoundError"):
        run(file, sim=True)


# ---- the loop that does not go on


async def blocks(client: DeviceClient, context: Context) -> None:
    if context.index == 1:
        time.sleep(0.9)  # blocks


async def never_awaits(client: DeviceClient, context: Context) -> None:
    if context.index == 1:
        while True:
            pass  # never_awaits


def test_device_that_blocks_the_loop_is_named(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "WARNING_S", 0.3)
    result = play(blocks, count=3, scenario={"duration": "2s"})
    assert result.passed, str(result)
    (warning,) = [text for text in result.warnings if "blocked" in text]
    assert f"{HERE}:{line_of('blocks')}: device device-1 blocked the loop for 0." in warning


def test_device_that_never_awaits_ends_the_run(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "WARNING_S", 0.3)
    monkeypatch.setattr(watch, "LIMIT_S", 1.0)
    begun = time.monotonic()
    error = told(play(never_awaits, count=3, scenario={"duration": "60s"}))
    assert time.monotonic() - begun < 20
    assert "device device-1 blocked the loop for" in str(error)
    assert error.file == HERE


def test_forgotten_await_is_python_s_own_warning(play: Play) -> None:
    async def device(client: DeviceClient, context: Context) -> None:
        context.sleep(1)  # type: ignore[unused-coroutine]
        await asyncio.sleep(0.1)

    with pytest.warns(RuntimeWarning, match="was never awaited"):
        result = play(device)
    assert result.passed


def test_device_that_ignores_its_cancellation_does_not_hold_the_run(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "CANCEL_PATIENCE_S", 0.2)

    async def device(client: DeviceClient, context: Context) -> None:
        for _ in range(5):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1000)

    begun = time.monotonic()
    result = play(device)
    assert time.monotonic() - begun < 10
    assert "1 devices did not end when they were cancelled" in result.warnings


def test_calls_after_the_client_has_ended_are_refused(play: Play) -> None:
    async def device(client: DeviceClient, context: Context) -> None:
        await client.end()
        for call in (lambda: client.publish("t"), lambda: client.subscribe("t"), client.messages):
            with pytest.raises(ClientClosed):
                call()
        await client.end()
        context.count("done")

    assert play(device).device_counts == {"done": 1}


@pytest.mark.parametrize(
    "call",
    [
        lambda context: context.count("x", 1.5),
        lambda context: context.count(3),
        lambda context: context.record("x", -1),
        lambda context: context.record("x", "1s"),
        lambda context: context.record("lateness", 1.0),
        lambda context: context.every(0),
    ],
)
@pytest.mark.sim
def test_wrong_measurements_are_refused(call: Callable[[Context], Any]) -> None:
    async def device(client: DeviceClient, context: Context) -> None:
        call(context)

    error = told(run(Scenario(name="x", duration="1s", devices=[Devices(script=device)]), sim=True))
    assert "UsageError" in str(error)


# ---- what virtual time has no room for


async def sleeps_in_a_thread(client: DeviceClient, context: Context) -> None:
    await asyncio.to_thread(time.sleep, 1)


async def opens_a_socket(client: DeviceClient, context: Context) -> None:
    await asyncio.open_connection("127.0.0.1", 9)


async def reads_a_socket(client: DeviceClient, context: Context) -> None:
    with socket.socket() as own:
        own.setblocking(False)
        await asyncio.get_running_loop().sock_recv(own, 1)


async def starts_a_process(client: DeviceClient, context: Context) -> None:
    await asyncio.create_subprocess_exec("true")


async def makes_another_client(client: DeviceClient, context: Context) -> None:
    await Client("mqtt://127.0.0.1:9").connect()


async def spins(client: DeviceClient, context: Context) -> None:
    while True:
        await asyncio.sleep(0)


@pytest.mark.sim
@pytest.mark.parametrize(
    ("script", "words"),
    [
        (sleeps_in_a_thread, r"run_in_executor\(\) waits for the real world"),
        (opens_a_socket, "waits for the real world"),
        (reads_a_socket, r"sock_recv\(\) waits for the real world"),
        (starts_a_process, r"subprocess_exec\(\) waits for the real world"),
        (makes_another_client, "in virtual time a device has the client that it is given"),
        (spins, "at one instant of virtual time"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_real_world_is_refused_in_virtual_time(script: Any, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mqtt_sim.device.loop.TURNS_LIMIT", 20_000)
    begun = time.monotonic()
    error = told(run(Scenario(name="x", duration="1h", devices=[Devices(script=script)]), sim=True))
    assert time.monotonic() - begun < 30
    with pytest.raises(ScriptError, match=words):
        raise error
    assert UsageError.__name__ in str(error)


@pytest.mark.net
def test_device_may_have_clients_of_its_own_in_real_time(broker_url: str) -> None:
    async def device(client: DeviceClient, context: Context) -> None:
        async with Client(broker_url) as other:
            await other.publish("t", "x", qos=1)
            context.count("sent")

    scenario = Scenario(name="x", duration="1s", devices=[Devices(script=device)])
    assert run(scenario).device_counts == {"sent": 1}


@pytest.fixture
def broker_url() -> Any:
    """Of a broker beside the run."""
    from mqtt_sim import Broker

    with Broker() as broker:
        yield broker.url
