"""Fixtures of the Python tests: a stand-in for the compiled module, and the command line as a function."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import mqtt_sim
from fake_core import FakeCore

_T = TypeVar("_T")
LIMIT_S = 20.0
NEEDS = ("sim", "net", "interop", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that says nothing else needs nothing: it is a unit test."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not any(item.get_closest_marker(name) for name in NEEDS):
            item.add_marker("unit")


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for programs that look for their configuration, or leave some."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _nothing_set_from_outside(monkeypatch: pytest.MonkeyPatch, empty_home: Path) -> None:
    for name in [name for name in os.environ if name.startswith("MQTT_SIM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(empty_home))


@pytest.fixture(params=[pytest.param(True, marks=pytest.mark.sim), pytest.param(False, marks=pytest.mark.net)])
def is_virtual(request: pytest.FixtureRequest) -> bool:
    """Both times, one after the other."""
    return bool(request.param)


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, _T]], _T]:
    """Runs a coroutine to its end, which must come in time."""

    def call(work: Coroutine[Any, Any, _T]) -> _T:
        async def bounded() -> _T:
            async with asyncio.timeout(LIMIT_S):
                return await work

        return asyncio.run(bounded())

    return call


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> FakeCore:
    """The compiled module replaced by a stand-in."""
    fake = FakeCore()
    monkeypatch.setitem(sys.modules, "mqtt_sim._core", fake)  # type: ignore[arg-type]
    monkeypatch.setattr(mqtt_sim, "_core", fake, raising=False)
    return fake


class Ended(NamedTuple):
    """How a command ended."""

    exit_code: int
    out: str
    err: str


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """`cli("run", "x.json")` as a user would type it, in this process."""
    from mqtt_sim.cli import main

    def call(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capfd.readouterr()
        return Ended(ended.value.code if isinstance(ended.value.code, int) else 0, out, err)

    return call


SMALL: dict[str, Any] = {
    "name": "small",
    "duration": "10s",
    "producers": [{"name": "cast", "count": 5, "topic": "t/{i}", "payload": {"kind": "size", "size": 64}}],
    "consumers": [{"name": "audience", "count": 5, "topic": "t/{i}"}],
}


@pytest.fixture
def small() -> dict[str, Any]:
    """A valid scenario to change."""
    copy: dict[str, Any] = json.loads(json.dumps(SMALL))
    return copy


@pytest.fixture
def small_file(small: dict[str, Any], tmp_path: Path) -> Path:
    """The same as a file."""
    path = tmp_path / "small.json"
    path.write_text(json.dumps(small))
    return path
