"""The nearest of the known words to one that is not known, for messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` most likely was meant to be, or None when nothing is near."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(word.strip().lower(), by_lower, n=1, cutoff=0.55)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "qos"?`, or the list of what there is when nothing is near."""
    known = list(known)
    if match := nearest(word, known):
        return f'did you mean "{match}"?'
    return f"known are {', '.join(sorted(known))}"
