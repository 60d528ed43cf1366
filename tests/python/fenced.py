"""The fenced blocks of the documents, which tests execute."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def text_of(document: str) -> str:
    """The whole page."""
    return (ROOT / document).read_text(encoding="utf-8")


def fenced(document: str, language: str) -> list[str]:
    """The blocks of a page in one language, in order."""
    return [block for named, block in _BLOCK.findall(text_of(document)) if named == language]


def languages_of(document: str) -> set[str]:
    """The languages that blocks of the page have; blocks without one are pictures and output."""
    return {named for named, _ in _BLOCK.findall(text_of(document)) if named}
