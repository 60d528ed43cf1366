"""The report as a JSON file: the whole of a Result, written completely or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from mqtt_sim.errors import CouldNotRun
from mqtt_sim.result import Result
from mqtt_sim.whole_files import READABLE, write_whole


def report_text(result: Result) -> str:
    """The report as it is written: the same result gives the same bytes."""
    return json.dumps(result.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def check_writable(path: str | Path) -> None:
    """Before the run: whether the report can be written there. Raises CouldNotRun that names the file."""
    target = Path(os.path.realpath(path))
    try:
        if target.is_dir():
            raise IsADirectoryError(0, "it is a directory")
        if _is_special(target):
            return
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}."):
            pass
    except OSError as error:
        raise _cannot_write(path, error) from None


def write_report(result: Result, path: str | Path) -> None:
    """Through a temporary file beside the target. Raises CouldNotRun that names the file and carries the result."""
    target = Path(os.path.realpath(path))
    try:
        if _is_special(target):
            with target.open("w", encoding="utf-8") as stream:
                stream.write(report_text(result))
        else:
            write_whole([(target, report_text(result), READABLE)])
    except OSError as error:
        raise _cannot_write(path, error, result) from None


def _is_special(target: Path) -> bool:
    """A device or a pipe is written to, never replaced."""
    return target.exists() and not target.is_file()


def _cannot_write(path: str | Path, error: OSError, result: Result | None = None) -> CouldNotRun:
    text = f"{path}: the report cannot be written: {error.strerror}; name another file with --json FILE"
    return CouldNotRun(text, kind="report", result=result)
