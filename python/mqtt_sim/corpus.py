"""The dialogue corpus: which file is meant, and what is in it."""

from __future__ import annotations

import os
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mqtt_sim.engine import load_corpus
from mqtt_sim.errors import CorpusError
from mqtt_sim.scenario.shipped import SHIPPED_CORPUS

ENVIRONMENT_VARIABLE = "MQTT_SIM_CORPUS"
WARNINGS_SHOWN = 20

_TWICE_ENCODED = re.compile("[\u00c2-\u00f4][\u0080-\u00bf]|\u00e2\u20ac.")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Row:
    """One line of dialogue."""

    character: str
    text: str


@dataclass(frozen=True)
class Corpus:
    """A corpus as read. `warnings` name file and line."""

    path: str
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]

    @property
    def speakers(self) -> Counter[str]:
        """Rows of each character."""
        return Counter(row.character for row in self.rows)

    @property
    def text_sizes(self) -> list[int]:
        """Bytes of each row's text, ascending."""
        return sorted(len(row.text.encode()) for row in self.rows)


def load(
    path: str | Path | None = None, *, header: str = "skip", parser: str = "strict-unescape", strict: bool = False
) -> Corpus:
    """Reads a corpus; without a path the one that MQTT_SIM_CORPUS names, else the one that ships.

    Raises CorpusError with file:line:column and what was expected there.
    """
    file = resolve_path(None if path is None else str(path))
    rows, warnings = load_corpus(file, header=header, parser=parser, strict=strict)
    return Corpus(file, tuple(Row(*row) for row in rows), tuple(warnings))


def resolve_path(
    given: str | None, from_scenario: str | None = None, environment: Mapping[str, str] = os.environ
) -> str:
    """The file that is meant: an option goes before MQTT_SIM_CORPUS, that before the scenario, that before ours."""
    origin, path = next(
        (origin, path)
        for origin, path in (
            ("", given),
            (f" (from {ENVIRONMENT_VARIABLE})", environment.get(ENVIRONMENT_VARIABLE)),
            (" (corpus.path of the scenario)", from_scenario),
            (" (the corpus that ships)", str(SHIPPED_CORPUS)),
        )
        if path
    )
    if not Path(path).is_file():
        problem = "is a directory" if Path(path).is_dir() else "there is no such file"
        remedy = (
            f"name a corpus with --corpus FILE or {ENVIRONMENT_VARIABLE}, or leave both out to use the one that ships"
        )
        raise CorpusError(f"{path}{origin}: {problem}; {remedy}", file=path)
    return path


def describe(corpus: Corpus, *, speakers_shown: int = 8) -> str:
    """The profile that `mqtt-sim corpus info` prints."""
    sizes = corpus.text_sizes or [0]
    speakers = corpus.speakers
    top = ", ".join(f"{name or '(nobody)'} {count}" for name, count in speakers.most_common(speakers_shown))
    warnings = [*corpus.warnings, *encoding_warnings(corpus)]
    lines = [
        f"file      {corpus.path}",
        f"rows      {len(corpus.rows):,}",
        f"speakers  {len(speakers):,}: {top}{', ...' if len(speakers) > speakers_shown else ''}",
        f"text      {sum(sizes):,} bytes; a row {sizes[0]} to {sizes[-1]}, median {statistics.median_low(sizes)}",
        f"longest   {_longest(corpus)}",
        f"encoding  {_encoding(corpus)}",
        f"warnings  {len(warnings)}",
        *(f"  {warning}" for warning in warnings[:WARNINGS_SHOWN]),
    ]
    if len(warnings) > WARNINGS_SHOWN:
        lines.append(f"  ... and {len(warnings) - WARNINGS_SHOWN} more")
    return "\n".join(lines)


def encoding_warnings(corpus: Corpus) -> list[str]:
    """Rows whose text was damaged before it came here."""
    return [
        f"row {number}: {problem}"
        for number, row in enumerate(corpus.rows, 1)
        for problem in _damages(row.character + row.text)
    ]


def _damages(text: str) -> Iterator[str]:
    if "\ufffd" in text:
        yield "has a replacement character (U+FFFD): something was not decoded; go back to the original"
    if match := _TWICE_ENCODED.search(text):
        yield f'has "{match[0]}", which looks like UTF-8 that was read as Latin-1; convert the original again'
    if match := _CONTROL.search(text):
        yield f"has the control character U+{ord(match[0]):04X}"


def _longest(corpus: Corpus) -> str:
    if not corpus.rows:
        return "-"
    number, row = max(enumerate(corpus.rows, 1), key=lambda numbered: len(numbered[1].text.encode()))
    return f"row {number}, {row.character or '(nobody)'}, {len(row.text.encode()):,} bytes"


def _encoding(corpus: Corpus) -> str:
    beyond = sum(not (row.character + row.text).isascii() for row in corpus.rows)
    return f"UTF-8, {beyond:,} rows beyond ASCII" if beyond else "ASCII"
