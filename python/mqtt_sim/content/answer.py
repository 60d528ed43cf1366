"""What payload and topic functions may return, and what is said of anything else."""

from __future__ import annotations

import json
from typing import Any

from mqtt_sim.engine import load_core
from mqtt_sim.errors import show_value
from mqtt_sim.scenario.fields import LARGEST_PAYLOAD

TOPICS_REMEMBERED = 65_536
"""Valid topics that need no second look."""


def payload_of(answer: Any, *, needs_object: bool) -> bytes:
    """As it goes out. Raises ValueError that says what would be right."""
    if isinstance(answer, str):
        answer = answer.encode()  # UnicodeEncodeError is a ValueError
    elif isinstance(answer, bytearray | memoryview):
        answer = bytes(answer)
    elif not isinstance(answer, bytes):
        remedy = "json.dumps() makes a text of it" if isinstance(answer, dict | list) else "str() makes a text of it"
        raise ValueError(f"a payload should be bytes or text, the function returned {type(answer).__name__}; {remedy}")
    if len(answer) > LARGEST_PAYLOAD:
        raise ValueError(f"the payload has {len(answer):,} bytes, and should have at most {LARGEST_PAYLOAD:,}")
    if needs_object and not _is_object(answer):
        raise ValueError(f'the stamp "json" needs a JSON object, the function returned {show_value(str(answer))}')
    return answer  # type: ignore[no-any-return]


def _is_object(payload: bytes) -> bool:
    try:
        return payload.startswith(b"{") and payload.endswith(b"}") and isinstance(json.loads(payload), dict)
    except ValueError:
        return False


class Topics:
    """Judges topics; most of them come again."""

    def __init__(self) -> None:
        self._is_topic_name = load_core().is_topic_name
        self._known: set[str] = set()

    def check(self, answer: Any) -> str:
        """The topic. Raises ValueError that says what would be right."""
        if not isinstance(answer, str):
            raise ValueError(f"a topic should be text, the function returned {type(answer).__name__}")
        if answer not in self._known:
            if not self._is_topic_name(answer):
                raise ValueError(
                    f"{show_value(answer)} is no topic to publish to: it has to be text without + # or NUL"
                )
            if len(self._known) >= TOPICS_REMEMBERED:
                self._known.clear()
            self._known.add(answer)
        return answer
