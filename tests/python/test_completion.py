"""Shell completion: the scripts are run by the shells they are for."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mqtt_sim.command.command_words import CommandWords, Option, Value
from mqtt_sim.command.completion_script import SCRIPTS
from mqtt_sim.command.registry import COMMANDS

Cli = Callable[..., Any]
ASK_BASH = """\
source "$0"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_mqtt_sim
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(cli: Cli, tmp_path: Path) -> Callable[[str], Path]:
    """The script of a shell as a file."""

    def write(shell: str) -> Path:
        path = tmp_path / f"completion.{shell}"
        path.write_text(cli("completion", shell).out)
        return path

    return write


def needs(shell: str) -> str:
    program = shutil.which(shell)
    if program is None:
        pytest.fail(f"{shell} is not installed: scripts/setup packages test")
    return program


@pytest.mark.parametrize(
    ("typed", "offered", "not_offered"),
    [
        ([""], ["run", "broker", "corpus", "completion", "episode4", "a.json"], ["info"]),
        (["co"], ["corpus", "completion"], ["run"]),
        (["run", ""], ["episode4", "tutorial", "a.json"], ["broker"]),
        (["run", "epi"], ["episode4"], ["tutorial"]),
        (["run", "--s"], ["--set", "--seed", "--sim"], ["--json"]),
        (["episode4", "--q"], ["--quiet"], ["--version"]),
        (["--v"], ["--version"], ["--quiet"]),
        (["run", "--json", ""], ["a.json"], ["episode4"]),
        (["run", "--seed", ""], [], ["a.json", "episode4"]),
        (["broker", "--profile", ""], ["standard", "diffusion", "mosca"], ["a.json"]),
        (["broker", "--profile", "=", "mo"], ["mosca"], ["standard"]),
        (["broker", "--profile", "="], ["mosca", "standard"], ["a.json"]),
        (["corpus", ""], ["info"], ["run", "a.json"]),
        (["corpus", "info", ""], ["a.json"], ["info"]),
        (["corpus", "info", "--"], ["--strict", "--help"], ["--json"]),
        (["completion", ""], ["bash", "zsh", "fish"], ["a.json"]),
    ],
)
def test_bash_offers(
    script: Callable[[str], Path], tmp_path: Path, typed: list[str], offered: list[str], not_offered: list[str]
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "a.json").touch()
    command = [needs("bash"), "--norc", "-c", ASK_BASH, str(script("bash")), "mqtt-sim", *typed]
    ended = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True, timeout=20)
    assert ended.stderr == ""
    answers = ended.stdout.split()
    assert set(offered) <= set(answers)
    assert not set(not_offered) & set(answers)


def test_tab_completes_in_a_living_bash(script: Callable[[str], Path], tmp_path: Path) -> None:
    shell, path = needs("bash"), script("bash")
    environment = {**os.environ, "PS1": "ready ", "TERM": "dumb", "HISTFILE": "", "INPUTRC": "/dev/null"}
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(tmp_path)
        os.execve(shell, [shell, "--norc", "--noprofile", "-i"], environment)
    try:
        read_until(terminal, "ready ")
        os.write(terminal, f"source {path}; echo sour''ced\n".encode())
        read_until(terminal, "sourced")
        os.write(terminal, b"mqtt-sim scen\t")
        read_until(terminal, "scenarios ")
        os.write(terminal, b"\x15mqtt-sim run epi\t")
        read_until(terminal, "episode4 ")
    finally:
        os.write(terminal, b"\x15exit\n")
        os.waitpid(process, 0)
        os.close(terminal)


def read_until(terminal: int, wanted: str) -> None:
    text, ends = "", time.monotonic() + 15
    while wanted not in text:
        assert time.monotonic() < ends, text
        if select.select([terminal], [], [], 0.2)[0]:
            text += os.read(terminal, 4096).decode(errors="replace")


def test_fish_offers(script: Callable[[str], Path], tmp_path: Path) -> None:
    fish, path = needs("fish"), script("fish")

    def offered(typed: str) -> list[str]:
        command = [fish, "--no-config", "-c", f"source {path}; complete -C '{typed}'"]
        environment = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=30)
        return [line.split("\t")[0] for line in ended.stdout.splitlines()]

    assert {"run", "broker", "episode4"} <= set(offered("mqtt-sim "))
    assert "episode4" in offered("mqtt-sim run epi")
    assert set(offered("mqtt-sim run --s")) == {"--set", "--seed", "--sim"}
    assert {"standard", "mosca"} <= set(offered("mqtt-sim broker --profile "))
    assert "info" in offered("mqtt-sim corpus ")


@pytest.mark.parametrize(("shell", "check"), [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_shell_accepts_the_syntax(script: Callable[[str], Path], shell: str, check: list[str]) -> None:
    ended = subprocess.run([needs(shell), *check, str(script(shell))], capture_output=True, text=True, timeout=20)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_script_knows_every_command(cli: Cli, shell: str) -> None:
    text = cli("completion", shell).out
    assert [name for name in COMMANDS if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_quotes_in_a_help_text_do_no_harm(shell: str, tmp_path: Path) -> None:
    told = """it's "quoted" $(touch harmed) `touch harmed` [x] a:b \\"""
    option = Option(("--odd", "-o"), told, Value())
    below = CommandWords(("be-low",), told, (option,), (Value(words=("a", "b")),), ())
    text = SCRIPTS[shell](CommandWords((), told, (option,), (), (below,)), ["one"])
    path = tmp_path / "script"
    path.write_text(text)
    program = needs(shell)
    prefix = "autoload -U compinit; compinit -D; " if shell == "zsh" else ""
    ended = subprocess.run(
        [program, "-c", f"{prefix}source {path}"], cwd=tmp_path, capture_output=True, text=True, timeout=30
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not (tmp_path / "harmed").exists()


def test_unknown_shell_is_told_the_nearest(cli: Cli) -> None:
    ended = cli("completion", "bsh")
    assert (ended.exit_code, ended.out) == (2, "")
    assert 'no completion for the shell "bsh"; did you mean "bash"?' in ended.err
