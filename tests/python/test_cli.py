"""The command line: which command is meant, what is printed, and how each kind of ending is told by the exit code."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from fake_core import FakeCore, RunError, measured, snapshot
from mqtt_sim.cli import app, with_command
from mqtt_sim.command.command_words import command_words
from mqtt_sim.command.registry import COMMANDS, Commands
from mqtt_sim.scenario.schema import SCHEMA_FILE

Cli = Callable[..., Any]


def in_subprocess(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mqtt_sim", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


# ---- which command


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["scenarios/episode4.json"], "run"),
        (["x.py", "--sim"], "run"),
        (["./x"], "run"),
        (["episode4"], "run"),
        (["--sim", "episode4.json"], "run"),
        (["--seed", "4", "episode4"], "run"),
        (["run", "x.json"], None),
        (["broker", "--port", "0"], None),
        (["scenarios"], None),
        (["schema"], None),
        (["corpus", "info", "x.txt"], None),
        (["--version"], None),
        (["--help"], None),
        (["no-such-thing"], None),
        (["--set", "a=b.json"], None),
        ([], None),
    ],
)
def test_word_run_may_be_left_out(arguments: list[str], command: str | None) -> None:
    assert with_command(list(arguments)) == ([command, *arguments] if command else arguments)


# ---- run


@pytest.mark.req("P-03")
def test_run_prints_progress_and_summary(core: FakeCore, cli: Cli, small_file: Path) -> None:
    core.snapshots = [snapshot(), snapshot(elapsed_s=13.0)]
    ended = cli(str(small_file))
    assert ended.exit_code == 0
    lines = ended.out.splitlines()
    assert lines[0].startswith("12s running clients=2003 sent=1000/s")
    assert lines[1].startswith("13s running")
    assert "THRESHOLDS" in ended.out
    assert lines[-1] == "PASSED (exit code 0): all thresholds held"
    assert ended.err == ""


def test_quiet_prints_the_summary_only(core: FakeCore, cli: Cli, small_file: Path) -> None:
    core.snapshots = [snapshot()]
    ended = cli(str(small_file), "--quiet")
    assert "running" not in ended.out
    assert ended.out.startswith("small ")


def test_options_reach_the_run(core: FakeCore, cli: Cli, small_file: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ["--sim", "--seed", "4", "--set", "duration=1s", "--set", "producers.cast.qos=2", "--json", str(report)]
    assert cli(str(small_file), *arguments).exit_code == 0
    plan = core.plans[0]
    assert (plan["driver"], plan["seed"], plan["duration_ns"]) == ("sim", 4, 1_000_000_000)
    assert plan["groups"][0]["publish"]["qos"] == 2
    assert json.loads(report.read_text())["status"] == "passed"


def test_print_config_runs_nothing(core: FakeCore, cli: Cli, small_file: Path) -> None:
    ended = cli(str(small_file), "--print-config", "--set", "duration=1s")
    assert json.loads(ended.out)["duration"] == "1s"
    assert (ended.exit_code, core.calls) == (0, [])


@pytest.mark.req("P-10")
@pytest.mark.parametrize(
    ("changes", "exit_code", "last"),
    [
        ({"counts": {"reordered": 1}}, 99, "FAILED"),
        ({"interrupted": True}, 105, "INTERRUPTED"),
        (
            {"failure": {"kind": "unreachable", "text": "no route", "reason_code": None, "clients": 1}},
            106,
            "COULD NOT RUN",
        ),
    ],
)
def test_every_ending_has_its_exit_code_and_a_summary(
    core: FakeCore, cli: Cli, small_file: Path, tmp_path: Path, changes: dict[str, Any], exit_code: int, last: str
) -> None:
    core.document = measured(**changes)
    report = tmp_path / "report.json"
    ended = cli(str(small_file), "--json", str(report))
    assert ended.exit_code == exit_code
    assert ended.out.splitlines()[-1].startswith(f"{last} (exit code {exit_code})")
    assert json.loads(report.read_text())["exit_code"] == exit_code


def test_interruption_prints_the_partial_summary(core: FakeCore, cli: Cli, small_file: Path) -> None:
    core.interrupts_itself = 1
    ended = cli(str(small_file))
    assert ended.exit_code == 105
    assert ended.out.splitlines()[-1].startswith("INTERRUPTED")


def test_full_disk_still_prints_the_summary(core: FakeCore, cli: Cli, small_file: Path) -> None:
    ended = cli(str(small_file), "--json", "/dev/full")
    assert ended.exit_code == 106
    assert "PASSED" in ended.out
    assert ended.err.startswith("mqtt-sim: /dev/full: the report cannot be written: No space left on device")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (["missing.json"], 104, "mqtt-sim: missing.json: there is no such scenario file"),
        (["{file}", "--set", "durtion=5s"], 104, 'there is no field "durtion" here; did you mean "duration"?'),
        (["{file}", "--set", "durtion"], 2, "--set durtion: should look like path=value"),
        (["{file}", "--set", "producers.0.qos=9"], 104, "producers[0].qos = 9: should be 0, 1 or 2"),
        (["{file}", "--set", 'thresholds={"latncy":[]}'], 104, 'there is no metric "latncy"; did you mean "latency"?'),
        (["{file}", "--ifaddr", "127.0.0.2,x"], 104, 'connect.source_addresses[1] = "x": should be an IP address'),
        (["{file}", "--broker", "quic://h"], 2, 'there is no transport "quic"'),
        (
            ["{file}", "--set", "producers.0.payload=dialogue", "--corpus", "no.txt"],
            104,
            "no.txt: there is no such file",
        ),
        (["{file}", "--json", "no/report.json"], 106, "no/report.json: the report cannot be written"),
        (["{file}", "--seed", "x"], 2, "Invalid value for '--seed'"),
        (["{file}", "--sede", "4"], 2, "No such option"),
        (["run"], 2, "Missing argument"),
        (["no-such-command"], 2, 'no command and no scenario "no-such-command"'),
        (["episode5"], 2, 'did you mean "episode4"'),
        (["brocker"], 2, 'did you mean "broker"'),
        (["broker", "--port", "70000"], 2, "Invalid value for '--port'"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(
    core: FakeCore,
    cli: Cli,
    small_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    exit_code: int,
    told: str,
) -> None:
    monkeypatch.chdir(small_file.parent)
    ended = cli(*(argument.replace("{file}", str(small_file)) for argument in arguments))
    assert (ended.exit_code, ended.out) == (exit_code, "")
    assert told in " ".join(ended.err.split())
    assert "Traceback" not in ended.err
    assert core.calls == []


@pytest.mark.req("P-08")
def test_script_that_raises_ends_with_107(core: FakeCore, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("\nraise RuntimeError('no luck')\n")
    ended = cli(str(path))
    assert (ended.exit_code, ended.err) == (107, f"mqtt-sim: {path}:2: RuntimeError: no luck\n")


def test_error_of_our_own_shows_its_traceback(
    core: FakeCore, small_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mqtt_sim.cli import main

    monkeypatch.setattr(core, "check_plan", lambda plan: "no json")
    with pytest.raises(json.JSONDecodeError):
        main([str(small_file)])


# ---- broker


@pytest.mark.req("A-04")
def test_broker_prints_its_port_and_ends_on_a_signal(core: FakeCore, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    to_us = threading.get_ident()  # a signal to the process could reach a thread that does not block it

    def stop_soon(start: Callable[[Any], int]) -> Callable[[Any], int]:
        def started(self: Any) -> int:
            threading.Timer(0.05, signal.pthread_kill, (to_us, signal.SIGTERM)).start()
            return start(self)

        return started

    monkeypatch.setattr(core.Broker, "start", stop_soon(core.Broker.start))
    ended = cli("broker", "--port", "0")
    place = f"127.0.0.1:{core.broker_port}"
    told = f"listening mqtt {place} (also mqtts, ws, wss, http, https)\npage http://{place}/crawl\n"
    assert ended == (0, told, "")
    assert core.calls == ["broker start", "broker stop"]


def test_broker_names_the_port_that_is_taken(core: FakeCore, cli: Cli) -> None:
    core.start_error = RunError("port_taken", "cannot listen on 127.0.0.1:1883: Address already in use")
    ended = cli("broker", "--port", "1883")
    assert ended.exit_code == 106
    assert ended.err == "mqtt-sim: cannot listen on 127.0.0.1:1883: Address already in use\n"


# ---- the other commands


def test_schema_is_printed(cli: Cli) -> None:
    assert cli("schema").out == SCHEMA_FILE.read_text(encoding="utf-8")


def test_scenarios_are_listed_with_their_descriptions(cli: Cli) -> None:
    lines = cli("scenarios").out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "broadcast",
        "chat",
        "episode4",
        "game_server",
        "idle",
        "machine_status",
        "open_loop",
        "request_response",
        "sensors",
        "throughput",
        "tutorial",
    ]
    assert all(len(line.split()) > 5 for line in lines)


@pytest.mark.req("K-05")
def test_corpus_info_prints_its_profile(core: FakeCore, cli: Cli) -> None:
    core.corpus = ([("VOICE", "One."), ("ECHO", "Two, two."), ("VOICE", "Thrée.")], ["x.txt:5: lone backslash"])
    out = cli("corpus", "info").out
    assert "rows      3" in out
    assert "speakers  2: VOICE 2, ECHO 1" in out
    assert "text      20 bytes; a row 4 to 9, median 7" in out
    assert out.endswith("warnings  1\n  x.txt:5: lone backslash\n")


def test_corpus_info_of_a_missing_file(core: FakeCore, cli: Cli) -> None:
    ended = cli("corpus", "info", "no.txt")
    assert ended.exit_code == 104
    assert ended.err.startswith("mqtt-sim: no.txt: there is no such file")


def test_version_is_printed(cli: Cli) -> None:
    assert cli("--version").out == "mqtt-sim 0.1.0\n"


# ---- as a process


def every_command() -> list[tuple[str, ...]]:
    return [command.path for command in command_words(typer.main.get_command(app)).walk()]


def test_list_of_commands_says_what_each_says_of_itself() -> None:
    told = {name: command.help.split("\n\n")[0] for name, command in Commands().items()}
    assert told == COMMANDS


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_help_ends_with_examples_and_exit_codes(cli: Cli, command: tuple[str, ...]) -> None:
    out = " ".join(cli(*command, "--help").out.split())
    assert re.search(rf"Examples: .*\bmqtt-sim {' '.join(command)}", out)
    assert "107 the user's script raised" in out


@pytest.mark.measured
@pytest.mark.req("C-01")
@pytest.mark.parametrize("command", [(), *every_command()], ids=" ".join)
def test_help_is_quick_and_loads_no_engine(command: tuple[str, ...]) -> None:
    script = (
        "import sys, time, contextlib, io\n"
        "from mqtt_sim.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main(sys.argv[1:])\n"
        "print(time.process_time(), [name for name in sys.modules if name.startswith(('mqtt_sim.', 'pydantic'))])"
    )
    for _ in range(3):  # a slow moment of the machine is not the command's fault
        run = subprocess.run(
            [sys.executable, "-c", script, *command, "--help"], capture_output=True, text=True, check=True
        )
        seconds, names = run.stdout.split(maxsplit=1)
        assert "mqtt_sim._core" not in names
        assert "mqtt_sim.scenario" not in names
        assert "pydantic" not in names
        if float(seconds) < 0.4:
            return
    pytest.fail(f"{seconds} CPU seconds; 0.2 are usual")


def test_module_is_the_command() -> None:
    ended = in_subprocess("--version")
    assert (ended.returncode, ended.stdout) == (0, "mqtt-sim 0.1.0\n")


def test_exit_code_and_sentence_reach_the_shell(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"name": "x",}')
    ended = in_subprocess(str(path))
    assert (ended.returncode, ended.stdout) == (104, "")
    assert ended.stderr == f"mqtt-sim: {path}:1:14: is not JSON: Expecting property name enclosed in double quotes\n"


def test_no_argument_prints_the_help() -> None:
    ended = in_subprocess()
    assert ended.returncode == 2
    assert "Usage: mqtt-sim" in ended.stdout + ended.stderr
