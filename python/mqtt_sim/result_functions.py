"""What a Result says, in words, of the functions in Python that said what messages carry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mqtt_sim.quantity import format_count

if TYPE_CHECKING:
    from mqtt_sim.result import Result


def function_lines(result: Result) -> Iterator[str]:
    """One for each group with a function, and one for the thread that called them; none without."""
    functions = result.functions
    if not functions:
        return
    for group in functions["groups"]:
        of_what = ", ".join(f"{field} {group[field]}" for field in ("topic", "payload") if field in group)
        calls, messages, late = (format_count(int(group[name])) for name in ("calls", "messages", "late"))
        yield f"{group['name']}: {of_what}; {calls} calls for {messages} messages, {late} late"
    share = "" if functions["cpu_share"] is None else f", {functions['cpu_share']:.0%} of a CPU"
    yield f"{format_count(int(functions['batches']))} batches{share}"
