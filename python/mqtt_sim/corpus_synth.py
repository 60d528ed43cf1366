"""A corpus made up from a seed: invented speakers say invented words, as often and as long as in another corpus.

The same seed and the same model give the same rows, on every machine; no word of the model is taken over.
"""

from __future__ import annotations

import bisect
import itertools
import math
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mqtt_sim.corpus import Corpus, Row

LARGEST = 5_000_000
"""Most rows of one made corpus."""

_ONSETS = "b br d dr f g gr h k kl l m n p pl r s st t tr v z".split()
_VOWELS = "a e i o u ai ea ou".split()
_CODAS = ["", "", "", "n", "r", "s", "t", "l", "m", "nd", "rk"]
_FOREIGN = ["é", "ü", "ñ", "ø", "č", "ß", "ж", "λ", "語", "星", "🚀"]
_ENDS = [".", ".", ".", ".", "!", "?", "..."]
_PLAIN_MEDIAN, _PLAIN_SPREAD, _PLAIN_LONGEST = 41, 0.95, 600
_PLAIN_SPEAKERS = 20
_QUOTED_SHARE = 0.01


@dataclass(frozen=True)
class Model:
    """How often each speaker speaks, most frequent first, and how long a row may be: sizes in bytes to draw from."""

    weights: tuple[int, ...]
    sizes: tuple[int, ...]


def model_of(corpus: Corpus) -> Model:
    """The statistics of a corpus."""
    return Model(tuple(sorted(corpus.speakers.values(), reverse=True)), tuple(corpus.text_sizes))


def plain_model() -> Model:
    """Twenty speakers of whom a few speak most, and rows of 3 to 600 bytes with a median of 41."""
    weights = tuple(1000 // rank for rank in range(1, _PLAIN_SPEAKERS + 1))
    steps = [(number + 0.5) / 200 for number in range(200)]
    bell = statistics.NormalDist(math.log(_PLAIN_MEDIAN), _PLAIN_SPREAD)
    sizes = (round(math.exp(bell.inv_cdf(step))) for step in steps)
    return Model(weights, tuple(min(max(size, 3), _PLAIN_LONGEST) for size in sizes))


def synthesise(rows: int, seed: int, model: Model, *, non_ascii: bool = False) -> Iterator[Row]:
    """`rows` rows. Only `random()` of the generator is used: its values are the same in every version of Python."""
    source = random.Random(seed)
    words = _Words(source, non_ascii=non_ascii)
    names = words.names(len(model.weights))
    upto = list(itertools.accumulate(model.weights))
    for _ in range(rows):
        speaker = bisect.bisect_right(upto, source.random() * upto[-1])
        size = model.sizes[int(source.random() * len(model.sizes))]
        yield Row(names[speaker], words.sentence(size))


class _Words:
    """Makes names and sentences."""

    def __init__(self, source: random.Random, *, non_ascii: bool) -> None:
        self._source = source
        self._non_ascii = non_ascii

    def names(self, count: int) -> list[str]:
        names: dict[str, None] = {}
        while len(names) < count:
            name = self._word(2).upper()
            names[name if name not in names else f"{name} {len(names) + 1}"] = None
        return list(names)

    def sentence(self, size: int) -> str:
        """Of exactly `size` bytes."""
        if size <= 3:
            return "Oh."[3 - size :]
        text = self._word(1 + self._below(2)).capitalize()
        while len(text.encode()) < size:
            word = self._word(1 + self._below(3))
            text += f' "{word}"' if self._source.random() < _QUOTED_SHARE else f" {word}"
        end = self._pick(_ENDS)[: size - 1]
        room = size - len(end)
        kept = text.encode()[:room].decode(errors="ignore").rstrip(' "')
        if kept.count('"') % 2:
            kept = kept.replace('"', "'")
        return kept + "o" * (room - len(kept.encode())) + end

    def _word(self, syllables: int) -> str:
        made = "".join(self._pick(_ONSETS) + self._pick(_VOWELS) + self._pick(_CODAS) for _ in range(syllables))
        return made + self._pick(_FOREIGN) if self._non_ascii and self._source.random() < 0.3 else made

    def _pick(self, items: Sequence[str]) -> str:
        return items[self._below(len(items))]

    def _below(self, limit: int) -> int:
        return int(self._source.random() * limit)
