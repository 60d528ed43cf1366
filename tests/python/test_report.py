"""Reports: summary, progress lines, live view, JSON file."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from test_judgement import FAILURE, make_result

from fake_core import metric, snapshot
from mqtt_sim.errors import CouldNotRun
from mqtt_sim.report.json_file import check_writable, report_text, write_report
from mqtt_sim.report.lines import progress_line
from mqtt_sim.report.live import LiveView, render
from mqtt_sim.report.summary import ASCII, UNICODE, marks_for, summary

# ---- summary


def test_summary_has_the_order_of_k6() -> None:
    text = summary(make_result(errors=[{"text": "connection reset", "count": 2, "first_at_s": 1.25, "reason": 0}]))
    titles = [line for line in text.splitlines() if line.isupper()]
    assert titles == ["THRESHOLDS", "TOTALS", "METRICS", "GENERATOR", "ERRORS"]
    assert text.splitlines()[0] == "judged · embedded broker · 10 clients · 10.0 s · seed 1"
    assert text.splitlines()[-1] == "PASSED (exit code 0): all thresholds held"


def test_memory_of_a_client_is_one_end_when_the_broker_is_elsewhere() -> None:
    memory = {"start": 50 * 2**20, "peak": 60 * 2**20, "per_client": 2048}
    line = "memory 50 MiB before, 60 MiB at most: 2.0 KiB a client"
    outside = make_result(generator={"memory": memory}, scenario={"name": "judged", "target": {"url": "mqtt://b"}})
    assert f"{line}, both ends of its connection\n" in summary(make_result(generator={"memory": memory}))
    assert f"{line}\n" in summary(outside)


def test_summary_ticks_and_crosses_with_the_actual_value() -> None:
    text = summary(make_result(counts={"lost": 4}))
    assert "    ✓ p(99)<50ms    actual 990 us\n" in text
    assert "    ✗ count==0      actual 4\n" in text
    assert "✓ p(99)<=100ms  actual 1 us  (always checked)" in text
    assert text.endswith("FAILED (exit code 99): 1 of 6 thresholds missed")


def test_summary_has_a_row_per_metric_with_samples() -> None:
    lines = summary(make_result()).splitlines()
    header = next(line for line in lines if "p99.9" in line)
    assert header.split() == ["count", "min", "p50", "p90", "p99", "p99.9", "max"]
    row = next(line for line in lines if line.startswith("  latency "))
    assert row.split()[:6] == ["latency", "1,000", "1", "us", "500", "us"]
    assert row.endswith("1 ms")
    assert not any(line.startswith("  suback") for line in lines)


def test_summary_tells_totals_and_the_generator() -> None:
    text = summary(make_result(counts={"acknowledged": 900}))
    assert "clients    10 planned, 10 connected, 0 failed, 0 disconnected" in text
    assert "sent       1,000 planned, 1,000 offered, 1,000 written, 900 acknowledged" in text
    assert "received   1,000 expected, 1,000 delivered, 0 lost, 0 duplicated, 0 reordered" in text
    assert "offered 100.0/s of 100.0/s planned (0.00% short) · lateness p99 1 us · CPU 1%" in text


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({"interrupted": True, "elapsed_s": 12.34}, "INTERRUPTED (exit code 105): after 12s300ms;"),
        ({"failure": FAILURE}, "COULD NOT RUN (exit code 106): refused: not authorized (reason code 0x87)"),
        ({"metrics": {"lateness": metric([200_000_000])}}, "INVALID (exit code 99): the load generator itself"),
    ],
)
def test_last_line_is_the_status(changes: dict[str, Any], last: str) -> None:
    assert summary(make_result(**changes)).splitlines()[-1].startswith(last)


def test_summary_of_a_run_that_measured_nothing_is_printed_too() -> None:
    empty = make_result(
        failure=FAILURE, elapsed_s=0.0, metrics={"latency": metric([]), "lateness": metric([])}, generator={}
    )
    assert "METRICS" not in summary(empty)


def test_only_ten_kinds_of_errors_are_printed() -> None:
    errors = [{"text": f"error {n}", "count": 1, "first_at_s": None} for n in range(12)]
    assert "... and 2 more kinds" in summary(make_result(errors=errors))


@pytest.mark.parametrize(
    ("encoding", "marks"),
    [("utf-8", UNICODE), ("UTF-8", UNICODE), ("ascii", ASCII), ("latin-1", ASCII), (None, ASCII), ("no-such", ASCII)],
)
def test_signs_are_those_that_the_stream_can_carry(encoding: str | None, marks: object) -> None:
    assert marks_for(encoding) is marks
    if marks is ASCII:
        summary(make_result(), ASCII).encode("ascii")


# ---- progress lines


def test_progress_line_is_one_line_of_fields() -> None:
    assert progress_line(snapshot()) == (
        "12s running clients=2003 sent=1000/s received=4000/s p50=100us p99=400us max=1ms"
    )


def test_progress_line_without_latency_leaves_it_out() -> None:
    line = progress_line(snapshot(phase="connecting", interval={}, clients={"planned": 9, "up": 3, "failed": 2}))
    assert line == "12s connecting clients=3 failed=2 sent=1000/s received=4000/s"


def test_progress_line_of_an_empty_snapshot_does_not_fail() -> None:
    assert progress_line({}) == "0s  clients=0 sent=0/s received=0/s"


# ---- live view


def shown(document: dict[str, Any]) -> str:
    console = Console(width=100, record=True, file=open(os.devnull, "w"), color_system=None)  # noqa: SIM115
    with console.file:
        console.print(render(document))
    return console.export_text()


def test_live_view_shows_a_run() -> None:
    thresholds = [
        {"metric": "lost", "expression": "count==0", "actual": 0.0, "unit": "", "ok": True, "built_in": True},
        {"metric": "latency", "expression": "avg<1us", "actual": 9e3, "unit": "ns", "ok": False, "built_in": False},
        {"metric": "suback", "expression": "avg<1us", "actual": None, "unit": "ns", "ok": False, "built_in": False},
    ]
    errors = [{"text": f"error {n}", "count": n + 1, "first_at_s": n} for n in range(5)]
    text = shown(snapshot(name="episode4", thresholds=thresholds, errors=errors))
    for part in (
        "episode4  running  12 s of 20 s",
        "2,003 of 2,003 up",
        "1,000/s out   4,000/s in",
        "p50 100 us   p99 400 us   max 1 ms",
        "✓ lost count==0   0",
        "✗ latency avg<1us   9 us",
        "… suback avg<1us",
        "lateness p99 20 us   CPU 25%",
        "5 x error 4",
    ):
        assert part in text, part
    assert "error 1" not in text


def test_live_view_of_an_empty_snapshot_does_not_fail() -> None:
    assert "nothing received" in shown({})


def test_live_view_shows_names_as_text() -> None:
    assert "[bold]x" in shown(snapshot(name="[bold]x", errors=[{"text": "[red]y", "count": 1}]))


def test_live_view_opens_and_closes() -> None:
    with open(os.devnull, "w") as nowhere, LiveView(Console(file=nowhere, force_terminal=True)) as view:
        view.update(snapshot())


# ---- JSON file


def test_report_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    result = make_result()
    check_writable(path)
    write_report(result, path)
    assert json.loads(path.read_text()) == result.to_dict()
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_current_umask()


def _current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_same_result_is_the_same_bytes() -> None:
    assert report_text(make_result()) == report_text(make_result())


def test_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    write_report(make_result(), tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").is_file()


@pytest.mark.parametrize(
    ("name", "reason"), [("no/such/directory.json", "No such file or directory"), (".", "it is a directory")]
)
def test_unwritable_file_is_named_before_the_run(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(CouldNotRun, match=reason) as error:
        check_writable(tmp_path / name)
    assert str(error.value).startswith(f"{tmp_path / name}: the report cannot be written")
    assert (error.value.exit_code, error.value.kind) == (106, "report")


def test_full_disk_leaves_the_old_report_and_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "report.json"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", no_space)
    result = make_result()
    with pytest.raises(CouldNotRun, match="No space left on device") as error:
        write_report(result, path)
    assert error.value.result is result
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]


def test_device_is_written_to_and_not_replaced() -> None:
    check_writable("/dev/full")
    with pytest.raises(CouldNotRun, match="/dev/full: the report cannot be written: No space left on device"):
        write_report(make_result(), "/dev/full")
    assert Path("/dev/full").is_char_device()
