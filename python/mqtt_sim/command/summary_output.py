"""The summary of a Result on standard output, in signs that it can carry."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqtt_sim.result import Result


def print_summary(result: Result) -> None:
    """Prints it at once."""
    from mqtt_sim.report.summary import marks_for, summary

    encoding = sys.stdout.encoding or "ascii"
    text = summary(result, marks_for(encoding))
    print(text.encode(encoding, errors="backslashreplace").decode(encoding), flush=True)
