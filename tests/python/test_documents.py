"""The snippets of the documents: Python executed, scenarios run, settings read. Commands: test_document_commands.py."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fenced import DOCUMENTS, ROOT, fenced, languages_of, text_of

import mqtt_sim
from mqtt_sim.scenario.option_table import with_tables

_DEFAULT_URL = '"mqtt://localhost:1883"'

ALONE = ["README.md", "docs/BROKER.md", "docs/SCENARIOS.md"]
"""Pages whose Python snippets are programs of their own that need nothing else."""

EXECUTED = {
    "python": {*ALONE, "docs/PYTHON.md", "docs/DEVICES.md", "docs/PYTEST.md"},
    "json": {"README.md", "docs/SCENARIOS.md", "docs/TRANSPORTS.md", "docs/BROKER.md", "docs/DEVICES.md"},
    "toml": {"docs/COMMAND_LINE.md"},
    "sh": set(DOCUMENTS),
    "nginx": {"docs/BROKER.md"},
}
"""Language → pages whose blocks are executed below, for commands in the file beside this one, for nginx in
tests/interop/test_reverse_proxy.py."""


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_of_a_page_is_executed_by_a_test(document: str) -> None:
    assert [language for language in languages_of(document) if document not in EXECUTED.get(language, ())] == []


def check_python(code: str, cwd: Path = ROOT) -> str:
    """Executes a program, which has to be silent about warnings; what it prints, and only if it prints at all."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=cwd)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == ("print(" in code)
    return done.stdout


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Of a broker that stands in for the one on port 1883."""
    with mqtt_sim.Broker() as broker:
        yield broker.url


@pytest.mark.net
@pytest.mark.req("A-03", "Y-01")
@pytest.mark.parametrize("number", range(len(fenced("docs/PYTHON.md", "python"))))
def test_snippet_of_the_python_page_runs(url: str, number: int, tmp_path: Path) -> None:
    code = fenced("docs/PYTHON.md", "python")[number]
    code = code.replace(_DEFAULT_URL, f'"{url}"').replace("mqtt_sim.Client(p", f'mqtt_sim.Client("{url}", p')
    check_python(code.replace("mqtt_sim.Client()", f'mqtt_sim.Client("{url}")'), tmp_path)


@pytest.mark.net
@pytest.mark.req("A-11", "X-15", "X-16")
@pytest.mark.parametrize(
    ("document", "number"),
    [(document, number) for document in ALONE for number in range(len(fenced(document, "python")))],
)
def test_snippet_is_a_program(document: str, number: int) -> None:
    check_python(fenced(document, "python")[number])


@pytest.mark.sim
def test_snippets_of_the_devices_page_run_in_order() -> None:
    assert check_python("\n".join(fenced("docs/DEVICES.md", "python"))) == "12000\n"


@pytest.mark.sim
def test_scenario_of_the_devices_page_runs_with_the_script_of_the_page(tmp_path: Path) -> None:
    script, rest = fenced("docs/DEVICES.md", "python")[0].split("\n\n\n", 2)[:2]
    (tmp_path / "rooms.py").write_text(f"{script}\n\n\n{rest}\n", encoding="utf-8")
    (text,) = fenced("docs/DEVICES.md", "json")
    (tmp_path / "rooms.json").write_text(text, encoding="utf-8")
    assert mqtt_sim.run(tmp_path / "rooms.json", sim=True, set={"duration": "1m"}).counts["device_sent"] == 1200


@pytest.mark.net
def test_snippet_of_the_pytest_page_passes(tmp_path: Path) -> None:
    (code,) = fenced("docs/PYTEST.md", "python")
    (tmp_path / "test_page.py").write_text(code, encoding="utf-8")
    for name in ("load.json", "rooms.json"):
        tutorial = json.loads((ROOT / "scenarios/tutorial.json").read_text(encoding="utf-8"))
        tutorial["consumers"][0]["count"] = 20
        (tmp_path / name).write_text(json.dumps(tutorial), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert (done.returncode, f"{code.count('def test_')} passed" in done.stdout) == (0, True), done.stdout


@pytest.mark.sim
@pytest.mark.parametrize("document", ["README.md", "docs/SCENARIOS.md"])
def test_scenario_of_a_page_runs(document: str) -> None:
    for text in fenced(document, "json"):
        scenario = mqtt_sim.load_scenario(json.loads(text), {"duration": "1s"})
        assert mqtt_sim.run(scenario, sim=True).passed


def test_scenario_of_the_transports_page_is_one(tmp_path: Path) -> None:
    (text,) = fenced("docs/TRANSPORTS.md", "json")
    (tmp_path / "mixed.json").write_text(text, encoding="utf-8")
    scenario = mqtt_sim.load_scenario(tmp_path / "mixed.json")
    assert [group.client for group in scenario.consumers] != [None]


@pytest.mark.net
def test_configurations_of_the_broker_page_start_a_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mqtt_sim.make_certificates(tmp_path)
    (tmp_path / "passwords.txt").touch()
    (tmp_path / "public").mkdir()
    monkeypatch.chdir(tmp_path)
    for text in fenced("docs/BROKER.md", "json"):
        options = json.loads(text.replace("/tmp/mqtt.sock", str(tmp_path / "mqtt.sock")))
        for listener in options.get("listeners", ()):
            listener |= {} if "unix" in listener else {"port": 0}
        with mqtt_sim.Broker(**options) as broker:
            assert broker.url


def test_settings_of_the_command_line_page_are_taken(tmp_path: Path) -> None:
    (text,) = fenced("docs/COMMAND_LINE.md", "toml")
    (tmp_path / "mqtt-sim.toml").write_text(text, encoding="utf-8")
    (tmp_path / "talk").mkdir()
    (tmp_path / "talk/episode4.txt").write_bytes((ROOT / "python/mqtt_sim/corpora/long_haul.txt").read_bytes())
    for command, options in tomllib.loads(text).items():
        arguments = ["tutorial"] if command == "run" else []
        done = subprocess.run(
            [sys.executable, "-m", "mqtt_sim", command, *arguments, "--print-config"],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
        )
        origins = {line.split()[0]: line.split()[-1] for line in done.stderr.splitlines() if line.startswith("--")}
        for name in options:
            assert origins[f"--{name}"].startswith("mqtt-sim.toml:"), done.stderr


def test_tables_of_the_scenario_page_are_current() -> None:
    page = text_of("docs/SCENARIOS.md")
    assert with_tables(page) == page, "run: python -m mqtt_sim.scenario.option_table docs/SCENARIOS.md"
    assert page.count("| Option | Default | Meaning |") >= 18
    assert "|  |" not in page.replace("|---|", ""), "a field without a meaning"
