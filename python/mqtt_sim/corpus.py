"""The dialogue corpus: which file is meant, and what is in it."""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mqtt_sim.engine import load_corpus
from mqtt_sim.errors import CorpusError
from mqtt_sim.scenario.shipped import SHIPPED_CORPUS

ENVIRONMENT_VARIABLE = "MQTT_SIM_CORPUS"


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


def describe(corpus: Corpus) -> str:
    """The profile that `mqtt-sim corpus info` prints."""
    sizes = corpus.text_sizes or [0]
    speakers = corpus.speakers
    top = ", ".join(f"{name or '(nobody)'} {count}" for name, count in speakers.most_common(8))
    lines = [
        f"file      {corpus.path}",
        f"rows      {len(corpus.rows):,}",
        f"speakers  {len(speakers):,}: {top}{', ...' if len(speakers) > 8 else ''}",
        f"text      {sum(sizes):,} bytes; a row {sizes[0]} to {sizes[-1]}, median {statistics.median_low(sizes)}",
        f"warnings  {len(corpus.warnings)}",
    ]
    return "\n".join([*lines, *(f"  {warning}" for warning in corpus.warnings)])
