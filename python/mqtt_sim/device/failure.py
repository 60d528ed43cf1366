"""What goes wrong in scripts: where, in which device, when, and how often."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from mqtt_sim.errors import ScriptError

PLACES_LIMIT = 64
"""Most different errors that a report lists; the rest is counted as one."""

_PACKAGE = str(Path(__file__).resolve().parent.parent)
_OTHERS = "other errors of scripts"


@dataclass(frozen=True)
class Failure:
    """Why a run ended with 107."""

    error: ScriptError
    document: dict[str, Any]
    """As in the report."""


class Failures:
    """Those of one run; the first that matters ends it."""

    def __init__(self) -> None:
        self.first: Failure | None = None
        self._counted: dict[str, dict[str, Any]] = {}

    def end_run(self, text: str, *, file: str, line: int, cause: Any = None, **where: Any) -> None:
        """Of all that are told the first one counts. `where`: what else the report says of it."""
        if self.first is not None:
            return
        error = ScriptError(text, file=file, line=line)
        error.__cause__ = cause
        document = {"kind": "script", "text": str(error), "file": file, "line": line, **where}
        self.first = Failure(error, document)

    def count(self, text: str, at_s: float) -> None:
        """One more of this kind."""
        if text not in self._counted and len(self._counted) >= PLACES_LIMIT:
            text = _OTHERS
        entry = self._counted.setdefault(text, {"text": text, "count": 0, "first_at_s": at_s, "reason": 0})
        entry["count"] += 1

    def counted(self) -> list[dict[str, Any]]:
        """As in the report's errors."""
        return list(self._counted.values())


def describe(error: BaseException) -> str:
    """Kind and text; of a group of exceptions those of the first."""
    error = _leaf(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def place_of(error: BaseException, script_file: str) -> tuple[str, int]:
    """File and line of the innermost frame that is the script's, else of the innermost that is not ours."""
    frames = [
        (frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(_leaf(error).__traceback__) if frame
    ]
    return _choose(frames, script_file)


def place_in(frame: FrameType | None, script_file: str) -> tuple[str, int]:
    """The same for a thread that runs."""
    frames = [(one.f_code.co_filename, line) for one, line in traceback.walk_stack(frame)]
    return _choose(frames[::-1], script_file)


def _choose(frames: list[tuple[str, int]], script_file: str) -> tuple[str, int]:
    own = [place for place in frames if place[0] == script_file]
    foreign = [place for place in frames if not place[0].startswith((_PACKAGE, "<"))]
    return (own or foreign or frames or [(script_file, 1)])[-1]


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
