"""What a message carries: lines of the dialogue corpus, a number of bytes, text with placeholders, or what a Python
function says; and topics that one says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from mqtt_sim.scenario.fields import Size, Template, Topic, template_needs_corpus
from mqtt_sim.scenario.part import Part
from mqtt_sim.scenario.script import MessageFunctionField
from mqtt_sim.suggestion import did_you_mean


class PayloadPart(Part):
    """What all payloads share: their kind counts as given, since it tells which payload it is."""

    def model_post_init(self, context: Any) -> None:
        self.model_fields_set.add("kind")

    @property
    def needs_corpus(self) -> bool:
        """Whether a dialogue corpus has to be read."""
        return False


class Dialogue(PayloadPart):
    """Payload: lines of the dialogue corpus as JSON objects with "character" and "text"."""

    kind: Literal["dialogue"] = "dialogue"
    order: Literal["file", "shuffle", "by-speaker"] = Field("file", description="in which order rows are spoken")
    place: Literal["own", "start", "split"] = Field(
        "own", description="own: each producer begins elsewhere; start: all at the first row; split: rows dealt out"
    )
    loop: bool = Field(True, description="begin again after the last row")
    limit: int | None = Field(None, ge=1, le=2**32 - 1, description="rows used; null: all")
    offset: int = Field(0, ge=0, le=2**32 - 1, description="rows skipped at the start")

    @property
    def needs_corpus(self) -> bool:
        return True


class FixedSize(PayloadPart):
    """Payload: as many bytes as asked for, the stamp included."""

    kind: Literal["size"] = "size"
    size: Size = Field(100, description="bytes")


class TextTemplate(PayloadPart):
    """Payload: text with placeholders."""

    kind: Literal["template"] = "template"
    template: Template = Field(
        description="text with {i} {n} {group} {client_id} {seq} {epoch_ms} {random} {character} {text}; "
        "other braces are plain text"
    )

    @property
    def needs_corpus(self) -> bool:
        return template_needs_corpus(self.template)


class PythonFunction(PayloadPart):
    """Payload, or topic: what a function in Python returns for each message."""

    kind: Literal["python"] = "python"
    function: MessageFunctionField = Field(description='"file.py:function" with def function(message)')
    batch: bool = Field(False, description="the function takes a list of messages and returns a list as long")
    arguments: dict[str, Any] = Field({}, description="what the function finds in message.arguments")


PAYLOAD_KINDS = ("dialogue", "size", "template", "python")


def _spell_out_payload(value: Any) -> Any:
    if callable(value) and not isinstance(value, Part):
        return {"kind": "python", "function": value}
    kind = value if isinstance(value, str) else value.get("kind") if isinstance(value, dict) else None
    if isinstance(value, Part):
        return value
    if isinstance(value, dict) and kind is None:
        raise ValueError(f'should name its "kind": one of {", ".join(PAYLOAD_KINDS)}')
    if not isinstance(kind, str):
        raise ValueError('should be "dialogue", or an object such as {"kind": "size", "size": 100}')
    if kind not in PAYLOAD_KINDS:
        raise ValueError(f'there is no payload kind "{kind}"; {did_you_mean(kind, PAYLOAD_KINDS)}')
    return {"kind": kind} if isinstance(value, str) else value


def _spell_out_topic(value: Any) -> Any:
    if isinstance(value, dict) and value.get("kind") != "python":
        raise ValueError('should be text, or an object such as {"kind": "python", "function": "orders.py:topic"}')
    return {"kind": "python", "function": value} if callable(value) and not isinstance(value, Part) else value


if TYPE_CHECKING:  # more may be given than is found: a kind alone, a dictionary, a function
    Payload = Any
    MessageTopic = Any
else:
    Payload = Annotated[
        Annotated[Dialogue | FixedSize | TextTemplate | PythonFunction, Field(discriminator="kind")],
        BeforeValidator(_spell_out_payload),
    ]
    MessageTopic = Annotated[
        Annotated[Topic, Tag("text")] | Annotated[PythonFunction, Tag("python")],
        Discriminator(lambda value: "python" if isinstance(value, dict | PythonFunction) else "text"),
        BeforeValidator(_spell_out_topic),
    ]
    """Where a message goes: a topic with placeholders, or a function that says it for each."""
