"""What a message carries: lines of the dialogue corpus, a number of bytes, or text with placeholders."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mqtt_sim.scenario.fields import Size, Template, template_needs_corpus
from mqtt_sim.scenario.part import Part
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


PAYLOAD_KINDS = ("dialogue", "size", "template")


def _spell_out_payload(value: Any) -> Any:
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


Payload = Annotated[
    Annotated[Dialogue | FixedSize | TextTemplate, Field(discriminator="kind")], BeforeValidator(_spell_out_payload)
]
