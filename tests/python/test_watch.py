"""`run --watch`: what makes it run again, what it says meanwhile, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_core import FakeCore
from mqtt_sim.command import watch

Cli = Callable[..., Any]


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Callable[[Iterator[Any]], None]:
    """Instead of waiting, the next of these steps is done; after the last one the user types Ctrl-C."""

    def arrange(steps: Iterator[Any]) -> None:
        def sleep(seconds: float) -> None:
            if next(steps, "end") == "end":
                raise KeyboardInterrupt

        monkeypatch.setattr(watch.time, "sleep", sleep)  # type: ignore[attr-defined]
        monkeypatch.setattr(watch.wait_for_change, "__defaults__", (sleep,))

    return arrange


def rewrite(path: Path, **changes: Any) -> None:
    document = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(document))


def test_runs_again_after_each_change_until_ctrl_c(
    core: FakeCore, cli: Cli, small_file: Path, step: Callable[[Iterator[Any]], None]
) -> None:
    def steps() -> Iterator[Any]:
        yield "nothing happens"
        yield rewrite(small_file, duration="11s")
        yield "settled"
        yield "nothing happens"
        yield rewrite(small_file, duration="12s", description="longer")
        yield "settled"

    step(steps())
    ended = cli(str(small_file), "--watch", "-q")
    assert ended.exit_code == 0
    assert [plan["duration_ns"] // 10**9 for plan in core.plans] == [10, 11, 12]
    assert ended.err.count(f"watching {small_file}; Ctrl-C ends\n") == 3
    assert ended.err.count(f"changed: {small_file}\n") == 2
    assert ended.out.count("PASSED") == 3


def test_change_that_breaks_the_scenario_is_told_and_the_next_one_mends_it(
    core: FakeCore, cli: Cli, small_file: Path, step: Callable[[Iterator[Any]], None]
) -> None:
    good = small_file.read_text()

    def steps() -> Iterator[Any]:
        yield rewrite(small_file, durtion="11s")
        yield "settled"
        yield small_file.unlink()
        yield "settled"
        yield small_file.write_text(good)
        yield "settled"

    step(steps())
    ended = cli(str(small_file), "--watch", "-q")
    assert ended.exit_code == 0
    assert 'there is no key "durtion" here; did you mean "duration"?' in ended.err
    assert f"mqtt-sim: {small_file}: there is no such scenario file" in ended.err
    assert core.calls.count("start") == 2


def test_file_is_left_to_settle(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("")
    since = watch.signature([path])
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) <= 4:
            path.write_text("x" * len(slept))

    assert watch.wait_for_change([path], since, sleep) == [path]
    assert slept == [watch.POLL_S, *[watch.SETTLE_S] * 4]


def test_file_that_never_settles_is_waited_for_so_long_and_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("")
    since = watch.signature([path])
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        path.write_text("x" * len(slept))

    watch.wait_for_change([path], since, sleep)
    assert len(slept) == 1 + watch.SETTLE_LOOKS


def test_corpus_is_watched_too(
    core: FakeCore, cli: Cli, small_file: Path, tmp_path: Path, step: Callable[[Iterator[Any]], None]
) -> None:
    talk = tmp_path / "talk.txt"
    talk.write_text("one")

    def steps() -> Iterator[Any]:
        yield talk.write_text("another")
        yield "settled"

    step(steps())
    ended = cli(str(small_file), "--watch", "-q", "--corpus", str(talk), "--set", "producers.0.payload=dialogue")
    assert ended.exit_code == 0
    assert f"changed: {talk}\n" in ended.err
    assert len(core.plans) == 2


def test_ctrl_c_in_a_run_ends_it_with_105(core: FakeCore, cli: Cli, small_file: Path) -> None:
    core.interrupts_itself = 1
    ended = cli(str(small_file), "--watch", "-q")
    assert ended.exit_code == 105
    assert len(core.plans) == 1


@pytest.mark.sim
def test_real_process_runs_again_and_ends_by_ctrl_c(small_file: Path) -> None:
    command = [sys.executable, "-u", "-m", "mqtt_sim", str(small_file), "--sim", "--watch", "-q"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    try:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("watching ")
        time.sleep(0.05)
        rewrite(small_file, duration="3s")
        assert process.stderr.readline().startswith("changed: ")
        assert process.stderr.readline().startswith("watching ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err.strip()) == (0, "")
    assert out.count("PASSED") == 2
