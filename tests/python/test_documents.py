"""The snippets of the documents: Python executed, scenarios validated, quick starts typed in."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import mqtt_sim
from mqtt_sim.scenario.option_table import with_tables

ROOT = Path(__file__).resolve().parents[2]
_DEFAULT_URL = '"mqtt://localhost:1883"'


def snippets(document: str) -> list[str]:
    """The fenced Python blocks of a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Of a broker that stands in for the one on port 1883."""
    with mqtt_sim.Broker() as broker:
        yield broker.url


@pytest.mark.net
@pytest.mark.req("A-03", "Y-01")
@pytest.mark.parametrize("number", range(len(snippets("docs/PYTHON.md"))))
def test_snippet_of_the_python_page_runs(url: str, number: int) -> None:
    code = snippets("docs/PYTHON.md")[number]
    code = code.replace(_DEFAULT_URL, f'"{url}"').replace("mqtt_sim.Client(p", f'mqtt_sim.Client("{url}", p')
    code = code.replace("mqtt_sim.Client()", f'mqtt_sim.Client("{url}")')
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert bool(done.stdout) == ("print(" in code)


@pytest.mark.net
@pytest.mark.req("A-11", "X-15", "X-16")
@pytest.mark.parametrize("number", range(len(snippets("docs/BROKER.md"))))
def test_snippet_of_the_broker_page_runs(number: int) -> None:
    code = snippets("docs/BROKER.md")[number]
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == ("print(" in code)


def test_python_page_has_snippets() -> None:
    assert len(snippets("docs/PYTHON.md")) >= 6


@pytest.mark.sim
@pytest.mark.parametrize("number", range(len(snippets("docs/SCENARIOS.md"))))
def test_snippet_of_the_scenario_page_runs(number: int) -> None:
    code = snippets("docs/SCENARIOS.md")[number]
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == ("print(" in code)


def scenarios_in(document: str) -> list[str]:
    """The fenced JSON blocks of a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.sim
@pytest.mark.parametrize("document", ["README.md", "docs/SCENARIOS.md"])
def test_scenario_of_a_page_runs(document: str) -> None:
    shown = scenarios_in(document)
    assert shown
    for text in shown:
        scenario = mqtt_sim.load_scenario(json.loads(text), {"duration": "1s"})
        assert mqtt_sim.run(scenario, sim=True).passed


def test_tables_of_the_scenario_page_are_current() -> None:
    page = (ROOT / "docs/SCENARIOS.md").read_text(encoding="utf-8")
    assert with_tables(page) == page, "run: python -m mqtt_sim.scenario.option_table docs/SCENARIOS.md"
    assert page.count("| Option | Default | Meaning |") >= 18
    assert "|  |" not in page.replace("|---|", ""), "a field without a meaning"


def quick_starts() -> dict[str, list[str]]:
    """Heading → the two lines below it."""
    page = (ROOT / "docs/COMMAND_LINE.md").read_text(encoding="utf-8").split("## Quick starts")[1].split("\n## ")[0]
    return {
        title: block.splitlines() for title, block in re.findall(r"\*\*(.*?)\*\*.*?```sh\n(.*?)```", page, re.DOTALL)
    }


@pytest.mark.net
@pytest.mark.req("D-05", "D-12", "D-24", "A-07", "A-14")
@pytest.mark.parametrize("title", quick_starts())
def test_two_lines_are_enough(title: str, tmp_path: Path) -> None:
    first, second = quick_starts()[title]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    wanted = {"A dialogue": "[A-Z ]+: .+", "A greeting": "Hello mqtt", "A clock": r"Hello mqtt \d{13}"}[title]
    listener = typed(first, port)
    try:
        wait_for_port(int(port))
        speaker = typed(second, port)
        try:
            assert listener.stdout is not None
            assert re.match(wanted, listener.stdout.readline())
        finally:
            end(speaker)
    finally:
        end(listener)


def typed(line: str, port: str) -> subprocess.Popen[str]:
    """The line of a quick start in a shell of its own, at a port that is free here."""
    words = shlex.split(line.partition("#")[0])
    assert words[0] == "mqtt-sim"
    command = [sys.executable, "-m", "mqtt_sim", *words[1:], "-p", port]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def wait_for_port(port: int) -> None:
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(1)  # to subscribe: nobody here can ask the broker
                return
        time.sleep(0.05)
    raise AssertionError("nobody listens")


def end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=20)
    finally:
        process.kill()


@pytest.mark.sim
def test_snippets_of_the_devices_page_run_in_order() -> None:
    code = "\n".join(snippets("docs/DEVICES.md"))
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "12000\n"
