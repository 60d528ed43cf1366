"""scripts/sanitize and what it does not report."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

KINDS = {"race", "race_top", "mutex", "thread", "deadlock", "called_from_lib"}
REPORT = """=================================================================
==1==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 64 byte(s) in 1 object(s) allocated from:
    #0 0x7f in __interceptor_malloc asan_malloc_linux.cpp:69
    #1 0x7f in _PyType_AllocNoTrack Objects/typeobject.c:1124

Indirect leak of 24 byte(s) in 1 object(s) allocated from:
    #0 0x7f in operator new(unsigned long) asan_new_delete.cpp:95
    #1 0x7f in {ours}

SUMMARY: AddressSanitizer: 88 byte(s) leaked in 2 allocation(s).
"""


@pytest.mark.parametrize(
    ("ours", "count"),
    [
        ("mqtt_sim::engine::Doorbell::make() ../../core/engine/doorbell.cpp:13", 1),
        ("start ../../python/bindings/bind_broker.cpp:42", 1),
        ("make_room ../../core/net/loop.hpp:7", 1),
        ("something (/lib/pydantic_core/_pydantic_core.cpython-311-x86_64-linux-gnu.so+0x144818)", 0),
        ("_PyEval_EvalFrameDefault Python/ceval.c:4769", 0),
    ],
)
def test_a_leak_counts_when_our_code_is_on_its_stack(tmp_path: Path, repository: Path, ours: str, count: int) -> None:
    (tmp_path / "asan.1").write_text(REPORT.replace("{ours}", ours), encoding="utf-8")
    command = [sys.executable, str(repository / "tests/sanitizers/findings.py"), str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == count
    assert ended.stdout.endswith(f"{count} findings of the sanitizer\n")
    assert ended.stdout.count(ours) == count


@pytest.mark.parametrize("text", ["==1==ERROR: AddressSanitizer: heap-use-after-free", "a.cpp:1: runtime error: x"])
def test_everything_else_counts(tmp_path: Path, repository: Path, text: str) -> None:
    (tmp_path / "asan.1").write_text(text, encoding="utf-8")
    command = [sys.executable, str(repository / "tests/sanitizers/findings.py"), str(tmp_path)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_each_suppression_has_a_reason_and_is_narrow(repository: Path) -> None:
    has_reason = False
    lines = (repository / "tests/sanitizers/threads.supp").read_text(encoding="utf-8").splitlines()
    for line in lines[1:]:  # the first says what the file is for
        kind, _, pattern = line.partition(":")
        if line.startswith("#"):
            has_reason = has_reason or line != "#"
            continue
        assert has_reason, line
        assert kind in KINDS
        assert not re.search(r"mqtt_sim|_core|core/|bindings", pattern), "ours is mended"


@pytest.mark.parametrize("arguments", [[], ["msan"], ["tests/python"]])
def test_wrong_usage_is_told(repository: Path, arguments: list[str]) -> None:
    ended = subprocess.run([repository / "scripts/sanitize", *arguments], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "usage: scripts/sanitize asan | tsan" in ended.stderr
