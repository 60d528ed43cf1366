"""Groups of a scenario whose messages a function says something of, with their functions at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from mqtt_sim.content.message import MessageContext, Speaker
from mqtt_sim.scenario.check import groups_with_paths
from mqtt_sim.scenario.model import Group, Producers, Publish, Scenario
from mqtt_sim.scenario.payload import PythonFunction
from mqtt_sim.scenario.placeholder import expand
from mqtt_sim.scenario.script import check_message_function, reference_of
from mqtt_sim.scenario.user_function import UserFunctions, file_of

Field = Literal["topic", "payload"]


@dataclass(frozen=True)
class ContentFunction:
    """One function of one group."""

    field: Field
    call: Callable[[Any], Any]
    is_batch: bool
    arguments: Mapping[str, Any]

    @property
    def file(self) -> str:
        """Where it is written."""
        return file_of(self.call)

    @property
    def line(self) -> int:
        """Where it begins."""
        code = getattr(getattr(self.call, "func", self.call), "__code__", None)
        return code.co_firstlineno if code is not None else 1

    def __str__(self) -> str:
        return str(reference_of(self.call))


class ContentGroup:
    """What the writer needs to know of a group."""

    def __init__(self, scenario: Scenario, group: Group, publish: Publish, functions: list[ContentFunction]) -> None:
        self.name = group.name
        self.functions = {function.field: function for function in functions}
        self.needs_object = publish.stamp == "json"
        self._topic = publish.topic if isinstance(publish.topic, str) else ""
        self._rate = None if publish.rate == "max" else float(publish.rate)
        client_id = scenario.client_of(group).client_id
        self.speakers = [
            Speaker(group.name, index, group.count, self._named(client_id, index), scenario.seed)
            for index in range(group.count)
        ]

    def messages(self, index: int, first: int, count: int, asked_s: float) -> Iterator[MessageContext]:
        """Of client `index`, from number `first` on."""
        speaker = self.speakers[index]
        topic = self._named(self._topic, index, speaker.client_id)
        arguments = next(iter(self.functions.values())).arguments
        phase, rate = index / speaker.size, self._rate
        for seq in range(first, first + count):
            yield MessageContext(speaker, seq, asked_s if rate is None else (phase + seq) / rate, topic, arguments)

    def _named(self, text: str, index: int, client_id: str = "") -> str:
        return expand(text, {"i": index, "n": index + 1, "group": self.name, "client_id": client_id})


def content_groups(scenario: Scenario, functions: UserFunctions) -> dict[int, ContentGroup]:
    """By the number of each group's first stream, as the core counts them: one for each client that publishes.

    Raises ScenarioError for a function that is not there, ScriptError for a file that raises.
    """
    found, stream = {}, 0
    for path, group in groups_with_paths(scenario):
        publish = group.publishes
        if publish is None:
            continue
        if publish.functions:
            inside = path if isinstance(group, Producers) else f"{path}.publish"
            own = [_function(one, field, f"{inside}.{field}", functions) for field, one in publish.functions.items()]
            found[stream] = ContentGroup(scenario, group, publish, own)
        stream += group.count
    return found


def _function(one: PythonFunction, field: str, path: str, functions: UserFunctions) -> ContentFunction:
    call = functions.find(one.function, f"{path}.function", check_message_function)
    kind: Field = "topic" if field == "topic" else "payload"
    return ContentFunction(kind, call, one.batch, MappingProxyType(dict(one.arguments)))
