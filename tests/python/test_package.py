"""The package as users import it: names, laziness, types, version."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import mqtt_sim
from mqtt_sim import errors

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", mqtt_sim.__all__)
def test_public_name_is_there(name: str) -> None:
    assert getattr(mqtt_sim, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = mqtt_sim.nope  # type: ignore[attr-defined]
    assert set(dir(mqtt_sim)) == set(mqtt_sim.__all__)


def test_names_for_type_checkers_are_those_that_are_loaded() -> None:
    text = (ROOT / "python/mqtt_sim/__init__.py").read_text()
    block = text[text.index("if TYPE_CHECKING:") : text.index("_HOMES")]
    typed = set(re.findall(r"\w+", re.sub(r"from [\w.]+ import", "", block))) - {"if", "TYPE_CHECKING"}
    assert set(mqtt_sim._HOME_OF) == typed
    assert set(mqtt_sim.__all__) == set(mqtt_sim._HOME_OF) | {"__version__"}


def test_function_run_stays_a_function_whatever_was_imported() -> None:
    script = "import mqtt_sim.cli, mqtt_sim.runner, mqtt_sim; assert callable(mqtt_sim.run)"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.measured
@pytest.mark.req("C-01")
def test_import_is_quick_and_loads_nothing_else() -> None:
    script = (
        "import sys, time; began = time.process_time(); import mqtt_sim; spent = time.process_time() - began\n"
        "assert not {'pydantic', 'typer', 'rich', 'mqtt_sim._core'} & set(sys.modules), sys.modules\n"
        "assert spent < 0.1, spent"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.req("Y-14")
def test_package_is_marked_as_typed() -> None:
    assert (ROOT / "python/mqtt_sim/py.typed").is_file()
    assert (ROOT / "python/mqtt_sim/_core.pyi").is_file()


def test_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == mqtt_sim.__version__
    assert f"project(mqtt_sim VERSION {mqtt_sim.__version__} " in (ROOT / "CMakeLists.txt").read_text()


def test_build_requirements_are_repeated_for_builds_without_isolation() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert document["dependency-groups"]["build"] == document["build-system"]["requires"]


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (errors.UsageError, 2),
        (errors.ThresholdError, 99),
        (errors.ScenarioError, 104),
        (errors.CorpusError, 104),
        (errors.InterruptedRun, 105),
        (errors.CouldNotRun, 106),
        (errors.ScriptError, 107),
    ],
)
def test_each_error_has_its_exit_code(error: type[errors.MqttSimError], exit_code: int) -> None:
    assert issubclass(error, errors.MqttSimError)
    assert error.exit_code == exit_code
