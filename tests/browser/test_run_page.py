"""`mqtt-sim FILE --page --hold`: the link, the page while the run goes on and after it, and figures that agree with the
report."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sysconfig
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from watching import wait_for, wait_until

from mqtt_sim.result import Result
from mqtt_sim.runner import prepare

PROGRAM = Path(sysconfig.get_path("scripts")) / "mqtt-sim"
SCENARIO = {
    "name": "A small evening",
    "duration": "8s",
    "producers": [{"name": "cast", "count": 20, "topic": "StarWars/{i}", "rate": 5, "payload": {"kind": "dialogue"}}],
    "consumers": [{"name": "critics", "count": 2, "topic": "StarWars/#"}],
}


class HeldRun:
    """A scenario on a thread of its own, held after its end until `release`."""

    def __init__(self, scenario: dict[str, Any]) -> None:
        self.link = ""
        self.result: Result | None = None
        self._has_link, self._is_over, self._may_end = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(prepare(scenario, page=True),))
        self._thread.start()
        assert self._has_link.wait(10)

    def _run(self, prepared: Any) -> None:
        prepared.execute(on_page=self._show, hold=self._hold)

    def _show(self, link: str) -> None:
        self.link = link
        self._has_link.set()

    def _hold(self, result: Result) -> None:
        self.result = result
        self._is_over.set()
        self._may_end.wait(60)

    @property
    def is_over(self) -> bool:
        return self._is_over.is_set()

    def release(self) -> None:
        self._may_end.set()
        self._thread.join(30)


@pytest.fixture(scope="module")
def run() -> Iterator[HeldRun]:
    held = HeldRun(SCENARIO)
    yield held
    held.release()


UNITS = {"µs": 1e3, "ms": 1e6, "s": 1e9}


def in_ns(text: str) -> float:
    value, unit = text.split()
    return float(value) * UNITS[unit]


def number(text: str) -> float:
    return float(text.replace(",", ""))


FIGURES = """() => Object.fromEntries([...document.querySelectorAll('.group [data-figure]')].map(
  (field) => [field.dataset.figure, field.textContent]))"""


@pytest.mark.req("W-08", "W-09")
def test_figures_agree_with_the_report(run: HeldRun, open_page: Callable[..., Any]) -> None:
    watched = open_page(f"{run.link}?quiet")
    page = watched.page

    def figures() -> dict[str, str]:
        shown: dict[str, str] = page.evaluate(FIGURES)
        return shown

    # While it goes on: 20 times 5 a second in, to two critics and this page out.
    wait_for(page, "/^[0-9]/.test(document.querySelector('[data-figure=run-p50]').textContent)")
    page.wait_for_timeout(1000)
    seen = []
    while len(seen) < 15:
        page.wait_for_timeout(100)
        seen.append(figures())
    assert not run.is_over, "the machine is too slow for this comparison"
    for name, expected in (("in-rate", 100), ("out-rate", 300), ("page-rate", 100), ("clients", 23), ("dropped", 0)):
        assert median(number(each[name]) for each in seen) == pytest.approx(expected, rel=0.05), name

    wait_until(lambda: run.is_over, page, 30)
    assert run.result is not None
    latency = run.result.to_dict()["metrics"]["latency"]
    wait_for(page, "document.querySelector('[data-figure=clients]').textContent === '1'")
    page.wait_for_timeout(1100)
    for part in ("p50", "p99", "max"):
        assert in_ns(figures()[f"run-{part}"]) == pytest.approx(latency[part], rel=0.05), part
    assert page.inner_text("h1").startswith("A small evening")
    assert watched.errors == []


@pytest.mark.req("W-08")
def test_stats_end_with_what_the_report_says(run: HeldRun, open_page: Callable[..., Any]) -> None:
    page = open_page("about:blank", live=False).page  # only to wait with
    wait_until(lambda: run.is_over, page, 30)
    with urllib.request.urlopen(run.link.replace("/crawl", "/stats.json")) as answer:
        stats = json.load(answer)
    assert run.result is not None
    latency, counts = run.result.to_dict()["metrics"]["latency"], run.result.to_dict()["counts"]
    assert stats["name"] == "A small evening"
    assert (stats["run"]["phase"], stats["run"]["lost"]) == ("done", counts["lost"])
    assert stats["run"]["latency_ns"] == {part: latency[part] for part in ("p50", "p99", "max")}
    assert stats["broker"]["messages_in"] == counts["written"]
    assert len(stats["history"]) == 50
    with urllib.request.urlopen(run.link.replace("/crawl", "/metrics")) as answer:
        lines = answer.read().decode().splitlines()
    assert 'mqtt_sim_run_info{name="A small evening",phase="done"} 1' in lines
    assert f"mqtt_sim_run_delivered_total {counts['delivered']}" in lines
    assert f"mqtt_sim_run_latency_seconds_count {latency['count']}" in lines


@pytest.mark.req("W-13")
def test_link_answers_during_the_run_and_after_it(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    file, report = tmp_path / "small.json", tmp_path / "report.json"
    file.write_text(json.dumps({**SCENARIO, "duration": "2s", "generator": {"on_invalid": "warn"}}))
    command = [str(PROGRAM), str(file), "--page", "--hold", "--no-live", "--json", str(report)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        link = next(found[1] for line in lines if (found := re.fullmatch(r"page (http://\S+)\n", line)))
        with urllib.request.urlopen(link) as during:
            assert during.status == 200
        watched = open_page(f"{link}?quiet&history=3")
        said = list(iter(lambda: next(lines), "the broker and its page stay until Ctrl-C\n"))
        assert any(line.startswith("PASSED") for line in said)
        assert json.loads(report.read_text())["status"] == "passed"  # written before the wait
        with urllib.request.urlopen(link) as after:
            assert after.status == 200
        watched.page.wait_for_selector("#crawl li")
        assert watched.page.get_attribute("body", "data-state") == "live"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(link, timeout=2)
        watched.page.wait_for_selector("[data-state=offline]")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
