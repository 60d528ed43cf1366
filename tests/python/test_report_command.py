"""`mqtt-sim report show|diff`: what stands in the table, what counts as worse, and what a wrong file says."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fake_core import FakeCore, measured, metric
from mqtt_sim.report.comparison import Change, changes, differences
from mqtt_sim.result import Result

Cli = Callable[..., Any]


@pytest.fixture
def report(core: FakeCore, cli: Cli, small_file: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes the report of a run that measured this."""

    def write(name: str, **measurements: Any) -> Path:
        core.document = measured(**measurements)
        path = tmp_path / f"{name}.json"
        cli(str(small_file), "-q", "--json", str(path))
        return path

    return write


def with_latency(*milliseconds: float, **counts: int) -> dict[str, Any]:
    document = measured()
    samples = [int(value * 1_000_000) for value in milliseconds]
    return {
        "metrics": {**document["metrics"], "latency": metric(samples)},
        "counts": {**document["counts"], **counts},
    }


# ---- show


def test_show_prints_what_the_run_printed(core: FakeCore, cli: Cli, small_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    after_run = cli(str(small_file), "-q", "--json", str(path)).out
    core.calls.clear()
    assert cli("report", "show", str(path)) == (0, after_run, "")
    assert core.calls == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "report.json: is no report: "),
        ("{", "report.json: is no report: "),
        ("[]", "report.json: is no report with schema 1"),
        ('{"schema": 99}', "report.json: is no report with schema 1"),
        ('{"schema": 1}', "report.json: is a damaged report: KeyError"),
        ('{"schema": 1, "scenario": 7, "status": "passed"}', "report.json: is a damaged report: "),
    ],
)
@pytest.mark.parametrize("command", [["show"], ["diff", "{good}"]])
def test_file_that_is_no_report_is_told(
    report: Callable[..., Path],
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
    told: str,
    command: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    good = report("good")
    if text is not None:
        (tmp_path / "report.json").write_text(text)
    ended = cli("report", *(part.replace("{good}", str(good)) for part in command), "report.json")
    assert (ended.exit_code, ended.out) == (2, "")
    assert told in ended.err


# ---- diff


def test_diff_shows_before_after_change_and_ratio(report: Callable[..., Path], cli: Cli) -> None:
    before, after = report("a", **with_latency(1.0, lost=0)), report("b", **with_latency(1.5, lost=3))
    ended = cli("report", "diff", str(before), str(after))
    assert ended.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in ended.out.splitlines()[1:]}
    assert rows["latency.p99"] == ["1", "ms", "1.5", "ms", "+49.9%", "1.50"]
    assert rows["lost.count"] == ["0", "3", "from", "0", "-"]
    assert rows["reordered.count"] == ["0", "0", "+0.0%", "1.00"]
    assert rows["lateness.p50"][-1] == "1.00"


def test_fail_above_ends_with_99_and_names_what_is_worse(report: Callable[..., Path], cli: Cli) -> None:
    before, after = report("a", **with_latency(1.0)), report("b", **with_latency(1.09))
    compared = ["report", "diff", str(before), str(after), "--only", "latency", "--fail-above"]
    held = cli(*compared, "10%")
    assert (held.exit_code, held.out.splitlines()[-1]) == (0, "PASSED")
    missed = cli(*compared, "8%")
    assert missed.exit_code == 99
    assert missed.out.splitlines()[-1].startswith("FAILED: worse by more than 8%: latency.p50, latency.p90")
    assert missed.out.splitlines()[1].endswith("worse")
    assert cli("report", "diff", str(after), str(before), "--only", "latency", "--fail-above", "0%").exit_code == 0


def test_only_narrows_to_a_metric_or_to_one_figure(report: Callable[..., Path], cli: Cli) -> None:
    path = str(report("a"))
    out = cli("report", "diff", path, path, "--only", "latency.p99", "--only", "lost").out
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["latency.p99", "lost.count"]
    ended = cli("report", "diff", path, path, "--only", "latncy")
    assert (ended.exit_code, ended.out) == (2, "")
    assert 'no figure of both reports has this name; did you mean "latency"?' in ended.err


@pytest.mark.parametrize("text", ["10", "x%", "-1%", "", "1e9%", "10%%"])
def test_limit_that_is_no_percentage_is_refused(report: Callable[..., Path], cli: Cli, text: str) -> None:
    path = str(report("a"))
    ended = cli("report", "diff", path, path, f"--fail-above={text}")
    assert (ended.exit_code, ended.out) == (2, "")
    assert "should be a percentage such as 10%" in ended.err


@pytest.mark.parametrize(
    ("before", "after", "worse", "share", "is_worse"),
    [
        (100, 110, 1, 0.1, False),
        (100, 111, 1, 0.1, True),
        (100, 90, 1, 0.0, False),
        (0, 1, 1, 9.0, True),
        (0, 0, 1, 0.0, False),
        (100, 89, -1, 0.1, True),
        (100, 90, -1, 0.1, False),
        (100, 200, -1, 0.0, False),
        (100, 0, 0, 0.0, False),
        (100, 900, 0, 0.0, False),
    ],
)
def test_what_counts_as_worse(before: float, after: float, worse: int, share: float, is_worse: bool) -> None:
    assert Change("x", "", before, after, worse).is_worse_by_more_than(share) == is_worse


def test_ratio_of_nothing() -> None:
    assert Change("x", "", 0, 0, 1).ratio == 1
    assert Change("x", "", 0, 5, 1).ratio == math.inf
    assert Change("x", "", 5, 0, 1).ratio == 0


def test_less_throughput_and_more_failed_clients_are_worse(report: Callable[..., Path]) -> None:
    one = Result.load(report("a"))
    signs = {change.name: change.worse for change in changes(one, one)}
    assert {name for name, sign in signs.items() if sign < 0} == {"written.rate", "delivered.rate"}
    assert {name for name, sign in signs.items() if sign == 0} == {"written.count", "delivered.count"}
    assert signs["clients.failed"] == signs["latency.p99.9"] == 1


def test_runs_that_are_hard_to_compare_are_told(report: Callable[..., Path]) -> None:
    path = report("a")
    one = Result.load(path)
    document = json.loads(path.read_text())
    document["scenario"]["name"], document["status"] = "other", "failed"
    document["machine"]["cores"] = 99
    document["metrics"]["latency"]["count"] = 0
    told = differences(one, Result(document))
    assert told[0] == "not the same scenario: small and other"
    assert told[1].startswith("not the same machine: ")
    assert told[2:] == ["only the first run measured latency", "the second run is failed"]
    assert differences(one, one) == []
