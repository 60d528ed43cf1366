"""Which requirement rows have a test that names them: `python tests/req_report.py [--short]`.

The rows are the lines of tests/requirements.txt. A Python test names a row with `@pytest.mark.req("K-02")`, a C++ test
with `RecordProperty("req", "K-02")`, a script with a comment `req: K-02`; several rows may stand in one. This reads the
sources and runs nothing, so a row counts here even when its test fails or is skipped: the test runs say that.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
SPELLINGS = {
    ".py": re.compile(r"pytest\.mark\.req\(([^)]*)\)"),
    ".cpp": re.compile(r'(?:RecordProperty\(\s*"req",\s*|\bprove\(\s*)([^)]*)\)'),
    ".js": re.compile(r"\breq: *([A-Z]-\d\d(?:[, ]+[A-Z]-\d\d)*)"),
    ".mjs": re.compile(r"\breq: *([A-Z]-\d\d(?:[, ]+[A-Z]-\d\d)*)"),
}
ROW = re.compile(r"\b[A-Z]-\d\d\b")


def rows(tests: Path = TESTS) -> list[str]:
    """All row ids, in the order of the list."""
    return (tests / "requirements.txt").read_text(encoding="utf-8").split()


def named_rows(tests: Path = TESTS) -> dict[str, list[str]]:
    """For each row that a test names, the files that do, relative to the tests folder."""
    found: dict[str, list[str]] = {}
    for path, row in _mentions(tests):
        files = found.setdefault(row, [])
        if path not in files:
            files.append(path)
    return found


def _mentions(tests: Path) -> Iterator[tuple[str, str]]:
    # The tests of this report plant ids of their own.
    for path in sorted(tests.rglob("*")):
        spelling = SPELLINGS.get(path.suffix)
        if spelling and path.name not in ("req_report.py", "test_requirements.py"):
            for call in spelling.findall(path.read_text(encoding="utf-8")):
                for row in ROW.findall(call):
                    yield path.relative_to(tests).as_posix(), row


def short_report(known: list[str], named: dict[str, list[str]]) -> str:
    """One line: rows with a test by letter, then in all."""
    total = Counter(row[0] for row in known)
    covered = Counter(row[0] for row in known if row in named)
    letters = "  ".join(f"{letter} {covered[letter]}/{total[letter]}" for letter in total)
    return f"{letters}  all {covered.total()}/{len(known)}"


def full_report(known: list[str], named: dict[str, list[str]]) -> str:
    """The rows that a test names with its files, then those without."""
    with_test = [f"{row}  {', '.join(named[row])}" for row in known if row in named]
    without = [row for row in known if row not in named]
    by_letter = [
        " ".join(row for row in without if row[0] == letter) for letter in dict.fromkeys(row[0] for row in without)
    ]
    parts = ["rows with a test", *with_test, "", "rows without", *by_letter, "", short_report(known, named)]
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    known, named = rows(), named_rows()
    print(short_report(known, named) if "--short" in arguments else full_report(known, named))
    for row in sorted(set(named) - set(known)):
        print(f"{row} is no row of tests/requirements.txt, but named in {', '.join(named[row])}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
