"""How a run shows that it goes on: a live view in a terminal, a line a second elsewhere, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress_output(*, no_live: bool, quiet: bool) -> Iterator[Callable[[dict[str, Any]], object] | None]:
    """What to call with each snapshot of the run, if anything."""
    if quiet:
        yield None
    elif no_live or not sys.stdout.isatty():
        from mqtt_sim.report.lines import progress_line

        yield lambda snapshot: print(progress_line(snapshot), flush=True)
    else:
        from rich.console import Console

        from mqtt_sim.report.live import LiveView

        with LiveView(Console()) as view:
            yield view.update
