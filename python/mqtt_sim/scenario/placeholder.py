"""Placeholders of topics, filters, client identifiers and payload templates: `{i}` and its like.

Only a word of letters and underscores between braces is a placeholder, and `{i+1000}` or `{n+1000}`, which count from
there; every other brace is plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mqtt_sim.suggestion import nearest

CLIENT_ID_WORDS = ("i", "n", "group")
FILTER_WORDS = (*CLIENT_ID_WORDS, "client_id")
TOPIC_WORDS = (*FILTER_WORDS, "speaker")

_WORD = re.compile(r"\{(?:([A-Za-z_]+)|([in])\+[0-9]{1,9})\}")


def words_of(text: str) -> list[str]:
    """The placeholders in `text`, in order, known or not."""
    return [word or number for word, number in _WORD.findall(text)]


def check_placeholders(text: str, known: Iterable[str]) -> str:
    """`text` itself, or ValueError that names the first unknown placeholder and the nearest one there is."""
    known = tuple(known)
    for word in words_of(text):
        if word not in known:
            match = nearest(word, known)
            hint = f"did you mean {{{match}}}?" if match else f"known are {', '.join(f'{{{name}}}' for name in known)}"
            raise ValueError(f"there is no placeholder {{{word}}} here; {hint}")
    return text


def expand(text: str, values: Mapping[str, object]) -> str:
    """`text` with the value of each placeholder that has one."""
    return _WORD.sub(lambda match: str(values.get(match[1], match[0])), text) if "{" in text else text


def without_placeholders(text: str) -> str:
    """`text` with one letter in place of each placeholder, to judge the rest of it."""
    return _WORD.sub("x", text)
