"""The modules of the pages under Node, which needs no browser: one pytest case for each file of tests."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest
from outside import program

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.test.mjs"))


def test_there_are_files_of_tests() -> None:
    assert len(FILES) >= 5


@pytest.mark.req("W-12")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_under_node(file: Path) -> None:
    environment = {**os.environ, "MQTT_SIM": str(Path(sysconfig.get_path("scripts")) / "mqtt-sim")}
    run = subprocess.run(
        [program("node"), "--test", str(file)], capture_output=True, text=True, timeout=120, env=environment
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    assert "\n# pass 0\n" not in run.stdout
