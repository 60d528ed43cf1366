"""The tables of options in docs/BROKER.md, from the model; a test keeps the page current.

`python -m mqtt_sim.scenario.option_table docs/BROKER.md` writes them again, between their marks.
"""

from __future__ import annotations

import re
import sys
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mqtt_sim.scenario.embedded_broker import EmbeddedBroker, Listener

MODELS: dict[str, type[BaseModel]] = {"broker": EmbeddedBroker, "listener": Listener}
_MARKED = re.compile(r"(<!-- options of a (\w+), generated -->\n).*?(<!-- end -->)", re.DOTALL)
_MIB = 2**20


def option_table(model: type[BaseModel]) -> str:
    """One row for each field: name, default, meaning."""
    defaults = model().model_dump(mode="json")
    lines = ["| Option | Default | Meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        meaning = (field.description or "") + _choices(field.annotation)
        lines.append(f"| `{name}` | `{_shown(defaults[name])}` | {meaning} |")
    return "\n".join(lines) + "\n"


def with_tables(page: str) -> str:
    """The page with its tables as the models say them now."""
    return _MARKED.sub(lambda match: match[1] + option_table(MODELS[match[2]]) + match[3], page)


def _choices(annotation: Any) -> str:
    if typing.get_origin(annotation) is not typing.Literal:
        return ""
    return ": " + ", ".join(f"`{choice}`" for choice in typing.get_args(annotation))


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int) and value >= _MIB and value % _MIB == 0:
        return f"{value // _MIB}MiB"
    return str(value).replace("'", '"')


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
