"""Options from flags, environment and files: who goes first, what is told about each, and what a wrong file says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fake_core import FakeCore
from mqtt_sim.configuration import SIZE_LIMIT, Key, find_files, find_project_file, read_files
from mqtt_sim.errors import UsageError

Cli = Callable[..., Any]
KEYS = {
    "run": {
        "seed": Key("seed", "value"),
        "corpus": Key("corpus", "path"),
        "quiet": Key("quiet", "switch"),
        "header": Key("headers", "list"),
    },
    "schema": {},
}


def read(*paths: Path) -> Any:
    return read_files(paths, KEYS.get, KEYS)


def wrong(path: Path) -> str:
    with pytest.raises(UsageError) as raised:
        read(path)
    return str(raised.value).removeprefix(str(path))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration directory."""
    path = tmp_path / "home"
    (path / "mqtt-sim").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(path))
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    path = tmp_path / "project"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


# ---- which files


def test_project_file_is_sought_up_to_the_root_of_the_repository(tmp_path: Path) -> None:
    inner = tmp_path / "repository/a/b"
    inner.mkdir(parents=True)
    (tmp_path / "mqtt-sim.toml").touch()
    (tmp_path / "repository/mqtt-sim.toml").touch()
    assert find_project_file(inner) is None, "without a repository only the directory itself"
    (tmp_path / "repository/.git").mkdir()
    assert find_project_file(inner) == tmp_path / "repository/mqtt-sim.toml"
    (inner / "mqtt-sim.toml").touch()
    assert find_project_file(inner) == inner / "mqtt-sim.toml"
    (tmp_path / "repository/mqtt-sim.toml").unlink()
    (inner / "mqtt-sim.toml").unlink()
    assert find_project_file(inner) is None, "never above the root"


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"XDG_CONFIG_HOME": "{home}/x"}, ["x/mqtt-sim/config.toml"]),
        ({"HOME": "{home}"}, [".config/mqtt-sim/config.toml"]),
        ({"HOME": "{home}", "XDG_CONFIG_HOME": ""}, [".config/mqtt-sim/config.toml"]),
        ({"HOME": "{home}", "XDG_CONFIG_HOME": "relative"}, []),
        ({}, []),
    ],
)
def test_user_file_is_where_the_environment_says(tmp_path: Path, environment: dict[str, str], found: list[str]) -> None:
    for name in ("x", ".config"):
        (tmp_path / name / "mqtt-sim").mkdir(parents=True)
        (tmp_path / name / "mqtt-sim/config.toml").touch()
    environment = {name: value.replace("{home}", str(tmp_path)) for name, value in environment.items()}
    empty = tmp_path / "empty"
    empty.mkdir()
    assert find_files(empty, environment) == [tmp_path / name for name in found]


# ---- what they say


def test_later_file_goes_first_and_each_value_knows_its_line(tmp_path: Path) -> None:
    user, project = tmp_path / "user.toml", tmp_path / "project.toml"
    user.write_text('run.quiet = true\n[run]\nseed = 1\ncorpus = "c.txt"\n'.replace("run.quiet = true\n", ""))
    project.write_text('# ours\n\nrun.seed = 2\nrun.header = ["a", "b"]\n')
    table = read(user, project)["run"]
    assert (table["seed"].value, table["seed"].origin) == ("2", f"{project}:3")
    assert (table["corpus"].value, table["corpus"].origin) == (str(tmp_path / "c.txt"), f"{user}:3")
    assert table["header"].value == ["a", "b"]


def test_path_is_relative_to_its_file_and_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home-of-mine")
    path = tmp_path / "x.toml"
    for written, meant in (("a/b", tmp_path / "a/b"), ("/c", Path("/c")), ("~/d", Path("/home-of-mine/d"))):
        path.write_text(f'run.corpus = "{written}"')
        assert read(path)["run"]["corpus"].value == str(meant)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[run]\nsede = 4\n", ':2: there is no option "sede" here; did you mean "seed"?'),
        ("\n[rnu]\nseed = 4\n", ':2: there is no command "rnu"; did you mean "run"?'),
        ("run = 4\n", ":1: should be a table: [run], and below it the options"),
        ("[schema]\nx = 1\n", ':2: there is no option "x" here; this command has none that a file may set'),
        ("[run]\n\nquiet = 1\n", ":3: run.quiet = 1: should be true or false"),
        ("[run]\nseed = true\n", ":2: run.seed = true: should be text or a number"),
        ("[run]\nseed = [1]\n", ":2: run.seed = [1]: should be text or a number"),
        ("[run]\nseed = {a = 1}\n", ':2: run.seed = {"a": 1}: should be text or a number'),
        ("[run]\nheader = [1]\n", ":2: run.header = [1]: should be a list of texts"),
        ("[run\n", ":1:5: is not TOML: Expected ']' at the end of a table declaration"),
        ("[run]\nseed = \n", ":2:8: is not TOML: Invalid value"),
        ("[run]\nseed = 1\nseed = 2\n", ":3:9: is not TOML: Cannot overwrite a value"),
        ('[run]\nseed = "', ":2:9: is not TOML: Unterminated string"),
        ("x = " + "[" * 100_000, ": is nested too deeply"),
    ],
)
def test_wrong_file_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mqtt-sim.toml"
    path.write_text(text)
    assert wrong(path) == told


def test_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"[run]\nseed = 1 # \xff\n")
    assert wrong(path) == ":2: is not UTF-8; save the file in that encoding"
    path.write_bytes(b" " * (SIZE_LIMIT + 1))
    assert wrong(path) == ": is larger than 1 MiB; this is no configuration file"
    path.write_bytes(b" " * SIZE_LIMIT)
    assert read(path) == {}
    assert wrong(tmp_path) == ": cannot be read: Is a directory"


# ---- on the command line


def test_flag_goes_before_environment_before_project_before_user(
    core: FakeCore, cli: Cli, small_file: Path, home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seed(*arguments: str) -> int:
        assert cli(str(small_file), "-q", *arguments).exit_code == 0
        return int(core.plans[-1]["seed"])

    (home / "mqtt-sim/config.toml").write_text("[run]\nseed = 101\n")
    assert seed() == 101
    (project / "mqtt-sim.toml").write_text("[run]\nseed = 102\n")
    assert seed() == 102
    monkeypatch.setenv("MQTT_SIM_SEED", "103")
    assert seed() == 103
    assert seed("--seed", "104") == 104


def test_switch_of_a_file_can_be_turned_off_by_a_flag(
    core: FakeCore, cli: Cli, small_file: Path, project: Path
) -> None:
    (project / "mqtt-sim.toml").write_text("[run]\nsim = true\nquiet = true\n")
    assert cli(str(small_file)).exit_code == 0
    assert core.plans[-1]["driver"] == "sim"
    assert cli(str(small_file), "--no-sim").exit_code == 0
    assert core.plans[-1]["driver"] == "net"


def test_print_config_tells_where_each_value_comes_from(
    core: FakeCore, cli: Cli, small_file: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "mqtt-sim.toml").write_text('[run]\n# of all runs\njson = "report.json"\n')
    monkeypatch.setenv("MQTT_SIM_SEED", "7")
    ended = cli(str(small_file), "--print-config", "--no-live", "--set", "producers.cast.qos=1")
    assert json.loads(ended.out)["seed"] == 7
    told = [line.split() for line in ended.err.splitlines()]
    for row in (
        ["--json", '"report.json"', "mqtt-sim.toml:3"],
        ["--seed", "7", "MQTT_SIM_SEED"],
        ["--no-live", "true", "command", "line"],
        ["--broker", "-", "default"],
        ["seed", "7", "MQTT_SIM_SEED"],
        ["duration", '"10s"', str(small_file)],
        ["producers[0].qos", "1", "--set", "producers.cast.qos"],
        ["producers[0].count", "5", str(small_file)],
    ):
        assert row in told
    assert not any("drain" in line for line in ended.err.splitlines()), "a default is not listed"
    assert core.calls == []


def test_print_config_shows_no_password(core: FakeCore, cli: Cli, small_file: Path, project: Path) -> None:
    (project / "mqtt-sim.toml").write_text('[run]\nbroker = "mqtt://ann:geheim@h"\n')
    ended = cli(str(small_file), "--print-config", "--set", "client.username=ann", "--set", "client.password=geheim")
    assert ended.exit_code == 0
    told = [line.split() for line in ended.err.splitlines()]
    assert ["--broker", '"mqtt://ann:***@h"', "mqtt-sim.toml:2"] in told
    assert ["client.password", '"***"', "--set", "client.password"] in told
    assert "geheim" not in ended.out + ended.err


@pytest.mark.parametrize("way", ["flags", "environment", "file"])
def test_several_brokers_may_be_given_in_every_way(
    core: FakeCore, cli: Cli, small_file: Path, project: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    urls = ["mqtt://h:1", "ws://h:2"]
    arguments = [part for url in urls for part in ("--broker", url)] if way == "flags" else []
    if way == "environment":
        monkeypatch.setenv("MQTT_SIM_BROKER", " ".join(urls))
    if way == "file":
        (project / "mqtt-sim.toml").write_text(f"[run]\nbroker = {json.dumps(urls)}\n")
    ended = cli(str(small_file), "--print-config", *arguments)
    target = json.loads(ended.out)["target"]
    assert [target["url"], *target["others"]] == urls


def test_print_config_of_the_broker_tells_it_too(core: FakeCore, cli: Cli, project: Path) -> None:
    (project / "mqtt-sim.toml").write_text("[broker]\nport = 2000\n")
    ended = cli("broker", "--print-config", "--host", "127.0.0.2")
    assert (json.loads(ended.out)["port"], json.loads(ended.out)["host"]) == (2000, "127.0.0.2")
    told = [line.split() for line in ended.err.splitlines()]
    assert ["--port", "2000", "mqtt-sim.toml:2"] in told
    assert ["--host", '"127.0.0.2"', "command", "line"] in told


def test_wrong_value_of_a_file_is_told_with_its_line(core: FakeCore, cli: Cli, small_file: Path, project: Path) -> None:
    (project / "mqtt-sim.toml").write_text('\n[run]\nseed = "x"\n')
    ended = cli(str(small_file))
    assert (ended.exit_code, core.calls) == (2, [])
    assert "mqtt-sim.toml:3" in ended.err
    assert "'--seed'" in ended.err


def test_wrong_file_ends_every_command_but_lets_the_help_be(cli: Cli, project: Path) -> None:
    (project / "mqtt-sim.toml").write_text("[run]\nsede = 4\n")
    ended = cli("schema")
    assert (ended.exit_code, ended.out) == (2, "")
    assert ended.err == 'mqtt-sim: mqtt-sim.toml:2: there is no option "sede" here; did you mean "seed"?\n'
    assert cli("run", "--help").exit_code == 0
    assert cli("--help").exit_code == 0
    assert cli("--version").exit_code == 0


def test_environment_of_the_tests_holds_no_settings() -> None:
    assert [name for name in os.environ if name.startswith("MQTT_SIM_")] == []
