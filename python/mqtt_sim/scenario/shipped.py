"""The scenarios that come with the package, by name: `episode4` means its scenarios/episode4.json."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent

SHIPPED_CORPUS = _PACKAGE / "corpora" / "long_haul.txt"
"""The original screenplay that dialogues come from when the user names no other corpus."""


@cache
def shipped_scenarios() -> dict[str, Path]:
    """Files by name; where a scenario has both spellings, the name means the JSON file."""
    found: dict[str, Path] = {}
    for suffix in (".json", ".py"):
        for path in sorted(_directory().glob(f"*{suffix}")):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def find_shipped(name: str) -> Path | None:
    """The shipped file of this name, written as `episode4`, `episode4.json` or `scenarios/episode4.json`."""
    bare = name.removeprefix("scenarios/")
    if path := shipped_scenarios().get(bare):
        return path
    path = _directory() / bare
    return path if "/" not in bare and path.is_file() else None


def _directory() -> Path:
    """Inside the installed package, or beside it in a checkout."""
    installed = _PACKAGE / "scenarios"
    return installed if installed.is_dir() else _PACKAGE.parent.parent / "scenarios"
