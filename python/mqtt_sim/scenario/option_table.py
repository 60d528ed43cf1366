"""The tables of options in docs/BROKER.md and docs/SCENARIOS.md, from the models; a test keeps the pages current.

`python -m mqtt_sim.scenario.option_table docs/BROKER.md docs/SCENARIOS.md` writes them again, between their marks.
"""

from __future__ import annotations

import re
import sys
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mqtt_sim.scenario import model
from mqtt_sim.scenario.embedded_broker import EmbeddedBroker
from mqtt_sim.scenario.listener import Listener, ListenerTls, ListenerWebSocket
from mqtt_sim.scenario.listener_http import ListenerHttp
from mqtt_sim.scenario.payload import Dialogue, FixedSize, PythonFunction, TextTemplate
from mqtt_sim.scenario.transport import ClientTls, ClientWebSocket

MODELS: dict[str, type[BaseModel]] = {
    "broker": EmbeddedBroker,
    "listener": Listener,
    "tls": ListenerTls,
    "websocket": ListenerWebSocket,
    "http": ListenerHttp,
    "scenario": model.Scenario,
    "group": model.Group,
    "publish": model.Publish,
    "subscribe": model.Subscribe,
    "device": model.Devices,
    "client": model.Client,
    "client_tls": ClientTls,
    "client_websocket": ClientWebSocket,
    "will": model.Will,
    "properties": model.MessageProperties,
    "authentication": model.Authentication,
    "dialogue": Dialogue,
    "size": FixedSize,
    "template": TextTemplate,
    "function": PythonFunction,
    "target": model.Target,
    "connect": model.Connect,
    "link": model.Link,
    "corpus": model.CorpusSource,
    "generator": model.GeneratorHealth,
}
_MARKED = re.compile(r"(<!-- options of an? (\w+), generated -->\n).*?(<!-- end -->)", re.DOTALL)
_MIB = 2**20
_PLAIN = {
    "name": "shown in reports; of a group also {group}",
    "description": "for people",
    "qos": "0, 1 or 2",
    "retain": "kept by the broker for later subscribers",
    "username": "sent in CONNECT",
    "kind": "says which payload it is",
    "method": "of enhanced authentication",
}
"""Meanings of fields that need no words in the model."""


def option_table(model: type[BaseModel]) -> str:
    """One row for each field: name, default, meaning."""
    defaults = model.model_construct().model_dump(mode="json", warnings=False)
    lines = ["| Option | Default | Meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else f"`{_default(field, defaults[name])}`"
        meaning = (field.description or _PLAIN.get(name) or _of_part(field)) + _choices(field.annotation)
        lines.append(f"| `{name}` | {default} | {meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def with_tables(page: str) -> str:
    """The page with its tables as the models say them now."""
    return _MARKED.sub(lambda match: match[1] + option_table(MODELS[match[2]]) + match[3], page)


def _default(field: FieldInfo, value: Any) -> str:
    default = field.get_default(call_default_factory=True)
    if isinstance(default, Dialogue):
        return '"dialogue"'
    return "{}" if isinstance(default, BaseModel) else _shown(value) or '""'


def _of_part(field: FieldInfo) -> str:
    """What a field without words of its own holds: the first sentence about its part."""
    parts = [kind for kind in (field.annotation, *typing.get_args(field.annotation)) if isinstance(kind, type)]
    told = next((kind.__doc__ for kind in parts if issubclass(kind, BaseModel)), None) or ""
    sentence = told.partition(".")[0].strip()
    return sentence[:1].lower() + sentence[1:]


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
