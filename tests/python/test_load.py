"""Reading scenario files, JSON and Python: what is missing, broken or raised is told with its file, line and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mqtt_sim.errors import ScenarioError, ScriptError
from mqtt_sim.scenario import Scenario, find_scenario, load_scenario


def message(path: Path | str) -> str:
    with pytest.raises(ScenarioError) as error:
        load_scenario(path)
    return str(error.value)


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_missing_file_names_the_nearest_beside_it(small_file: Path) -> None:
    wrong = small_file.with_name("smal.json")
    assert message(wrong) == f'{wrong}: there is no such scenario file; did you mean "{small_file}"?'


def test_missing_file_lists_what_ships(tmp_path: Path) -> None:
    assert "scenarios that ship: broadcast, chat, episode4, game_server, idle, machine_status, open_loop, " in message(
        tmp_path / "x.json"
    )


def test_directory_is_no_scenario(tmp_path: Path) -> None:
    assert message(tmp_path) == f"{tmp_path}: is a directory; name a scenario file in it"


def test_broken_json_is_told_with_line_and_column(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", '{\n  "name": "x",\n  "duration" "5s"\n}')
    assert message(path) == f"{path}:3:14: is not JSON: Expecting ':' delimiter"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", ":1:1: is not JSON"),
        (b"[]", "should be an object"),
        (b"\xff\xfe{}", "is no UTF-8 text: wrong byte at 0"),
        (b'{"name": NaN}', "NaN is no JSON number"),
        (b'{"name": "x", "name": "y"}', "name: stands twice in one object"),
        (b"[" * 100_000, "is nested too deeply"),
    ],
)
def test_file_that_is_no_json_object_is_refused(tmp_path: Path, text: bytes, expected: str) -> None:
    path = write(tmp_path / "x.json", text)
    told = message(path)
    assert told.startswith(str(path))
    assert expected in told


def test_faults_name_the_file(small: dict[str, Any], tmp_path: Path) -> None:
    small["producers"][0]["qos"] = 3
    path = write(tmp_path / "x.json", json.dumps(small))
    assert message(path) == f"{path}: producers[0].qos = 3: should be 0, 1 or 2"


def test_byte_order_mark_is_skipped(small_file: Path) -> None:
    small_file.write_bytes(b"\xef\xbb\xbf" + small_file.read_bytes())
    assert load_scenario(small_file).name == "small"


@pytest.mark.parametrize("name", ["episode4", "episode4.json", "scenarios/episode4.json"])
def test_shipped_scenario_is_found_by_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_scenario(name).name == "episode4.json"


def test_corpus_is_looked_for_beside_the_scenario(small: dict[str, Any], tmp_path: Path) -> None:
    small["corpus"] = {"path": "lines.txt"}
    path = write(tmp_path / "x.json", json.dumps(small))
    assert load_scenario(path).corpus.path == str(tmp_path / "lines.txt")
    assert load_scenario(path, {"corpus.path": "other.txt"}).corpus.path == "other.txt"


# ---- Python files

VALID = """
from mqtt_sim import Scenario, Devices
scenario = Scenario(name="x", devices=[Devices(count=3)])
"""


@pytest.mark.req("P-08")
@pytest.mark.parametrize(
    "text",
    [VALID, VALID.replace("scenario =", "made =") + "def scenario():\n    return made\n"],
    ids=["value", "function"],
)
def test_python_file_defines_a_scenario(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "x.py", text)
    assert load_scenario(path).client_count == 3
    assert load_scenario(path, {"devices.0.count": 4, "duration": "5s"}).client_count == 4


def test_python_file_may_import_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path / "neighbour_of_scenario.py", "COUNT = 7\n")
    path = write(tmp_path / "x.py", "from neighbour_of_scenario import COUNT\n" + VALID.replace("3", "COUNT"))
    assert load_scenario(path).client_count == 7


@pytest.mark.req("P-08")
@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("x = 1\nraise ValueError('no luck')\n", 2, "ValueError: no luck"),
        ("def deep():\n    return {}['a']\n\nscenario = deep()\n", 2, "KeyError: 'a'"),
        ("import json\n\nscenario = json.loads('{')\n", 3, "JSONDecodeError"),
        ("x = (\n", 1, "SyntaxError: '(' was never closed"),
        ("import no_such_module_here\n", 1, "ModuleNotFoundError: No module named 'no_such_module_here'"),
        ("def scenario():\n    1 / 0\n", 2, "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
    ],
)
def test_what_a_script_raises_is_told_with_its_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    path = write(tmp_path / "x.py", text)
    with pytest.raises(ScriptError) as error:
        load_scenario(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert told in str(error.value)
    assert (error.value.exit_code, error.value.line) == (107, line)


def test_wrong_scenario_in_a_script_is_told_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "x.py", VALID.replace("count=3", "cuont=3"))
    told = message(path)
    assert told == f'{path}:3 Devices: cuont = 3: there is no key "cuont" here; did you mean "count"?'


@pytest.mark.parametrize(("text", "given"), [("x = 1\n", "nothing"), ("scenario = 5\n", "a int")])
def test_script_without_a_scenario_is_refused(tmp_path: Path, text: str, given: str) -> None:
    told = message(write(tmp_path / "x.py", text))
    assert 'should define "scenario"' in told
    assert told.endswith(f"it gives {given}")


# ---- sources in code


def test_scenario_and_dictionary_mean_the_same(small: dict[str, Any]) -> None:
    scenario = load_scenario(small)
    assert isinstance(scenario, Scenario)
    assert load_scenario(scenario) is scenario
    assert load_scenario({**small, "producers": scenario.producers}).to_plan() == scenario.to_plan()


def test_settings_change_a_scenario_made_in_code(small: dict[str, Any]) -> None:
    scenario = load_scenario(small)
    changed = load_scenario(scenario, {"producers.cast.payload.size": 77})
    assert changed.to_plan()["groups"][0]["publish"]["payload"] == {"kind": "size", "size": 77}
    assert scenario.to_plan()["groups"][0]["publish"]["payload"]["size"] == 64
