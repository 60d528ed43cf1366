"""The live view of a run on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mqtt_sim.quantity import format_count, format_ns
from mqtt_sim.thresholds import Verdict

_ERRORS_SHOWN = 3


class LiveView:
    """Shows snapshots on a terminal until it is closed; leaves nothing behind, since the summary follows."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4, transient=True)

    def update(self, snapshot: Mapping[str, Any]) -> None:
        """Shows the next snapshot."""
        self._live.update(render(snapshot))

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.__exit__(kind, error, at)


def render(snapshot: Mapping[str, Any]) -> RenderableType:
    """One screen of a run: clients, rates, latency of the last second, thresholds so far, generator, errors."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim")
    rows.add_column()
    rows.add_row("clients", _clients(snapshot.get("clients") or {}))
    rows.add_row("messages", f"{_rate(snapshot, 'sent_per_s')} out   {_rate(snapshot, 'received_per_s')} in")
    rows.add_row("last second", _interval(snapshot.get("interval") or {}))
    for index, verdict in enumerate(snapshot.get("thresholds") or []):
        rows.add_row("" if index else "thresholds", _threshold(Verdict(**verdict)))
    rows.add_row("generator", _generator(snapshot))
    for index, error in enumerate(_last_errors(snapshot.get("errors") or [])):
        rows.add_row("" if index else "errors", error)
    elapsed, duration = float(snapshot.get("elapsed_s") or 0), float(snapshot.get("duration_s") or 0)
    title = f"{snapshot.get('name', '')}  {snapshot.get('phase', '')}  {elapsed:.0f} s of {duration:.0f} s"
    bar = ProgressBar(total=max(duration, 0.001), completed=min(elapsed, duration), width=40)
    return Panel(Group(bar, rows), title=Text(title), title_align="left")


def _clients(clients: Mapping[str, Any]) -> Text:
    text = Text(f"{format_count(int(clients.get('up', 0)))} of {format_count(int(clients.get('planned', 0)))} up")
    if clients.get("failed"):
        text.append(f"   {format_count(int(clients['failed']))} failed", style="red")
    return text


def _rate(snapshot: Mapping[str, Any], field: str) -> str:
    return f"{float(snapshot.get(field) or 0):,.0f}/s"


def _interval(interval: Mapping[str, Any]) -> str:
    if not interval.get("count"):
        return "nothing received"
    return "   ".join(f"{name} {format_ns(float(interval[name]))}" for name in ("p50", "p99", "max"))


def _threshold(verdict: Verdict) -> Text:
    if verdict.actual is None:
        return Text(f"… {verdict.metric} {verdict.expression}", style="dim")
    mark, style = ("✓", "green") if verdict.ok else ("✗", "red")
    return Text(f"{mark} {verdict.metric} {verdict.expression}   {verdict.show_actual()}", style=style)


def _generator(snapshot: Mapping[str, Any]) -> Text:
    lateness = ((snapshot.get("metrics") or {}).get("lateness") or {}).get("p99")
    shares = (snapshot.get("generator") or {}).get("cpu_share") or []
    parts = [f"lateness p99 {format_ns(float(lateness))}"] if lateness is not None else []
    if shares:
        parts.append("CPU " + " ".join(f"{share:.0%}" for share in shares))
    busy = any(share > 0.9 for share in shares)
    return Text("   ".join(parts) or "-", style="bold red" if busy else "")


def _last_errors(errors: Sequence[Mapping[str, Any]]) -> list[Text]:
    newest = sorted(errors, key=lambda error: float(error.get("first_at_s") or 0))[-_ERRORS_SHOWN:]
    return [Text(f"{format_count(int(error.get('count', 1)))} x {error.get('text')}", style="red") for error in newest]
