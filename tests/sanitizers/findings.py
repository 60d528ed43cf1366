"""What sanitizers have reported, without what is none of our doing.

    python tests/sanitizers/findings.py DIRECTORY    prints the findings; exit code 1 when there are any

CPython and other extension modules keep memory until the process ends, and daemon threads keep theirs. Which of their
functions allocates it depends on how they were compiled, so no list of suppressions would be complete: a leak counts
when our code is on the stack that allocated it. Everything else that a sanitizer says counts.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_LEAK = re.compile(r"^(?:Direct|Indirect) leak of ", re.MULTILINE)
_FORKED = re.compile(r"^==\d+==Running thread \d+ was not suspended.*\n", re.MULTILINE)
"""In the child of a process with threads: it has none of them, and leaves to its parent what was theirs."""
_OURS = re.compile(r"^ +#\d+ .*(?:\bmqtt_sim::|/core/\w+/\w+\.[ch]pp:|python/bindings/)", re.MULTILINE)


def findings_in(report: str) -> list[str]:
    """The parts of one report that are to be mended."""
    report, threads = _FORKED.subn("", report)
    if "ERROR: LeakSanitizer" not in report:
        return [report] if report.strip() else []
    before, _, leaks = report.partition("ERROR: LeakSanitizer")
    records = [
        record for record in leaks.split("\n\n") if _LEAK.search(record) and _OURS.search(record) and not threads
    ]
    return records + ([before] if "ERROR:" in before or "WARNING:" in before else [])


def main(directory: str) -> int:
    count = 0
    for file in sorted(Path(directory).iterdir()):
        for finding in findings_in(file.read_text(encoding="utf-8", errors="replace")):
            count += 1
            print(f"-- {file.name}\n{finding}\n")
    print(f"{count} findings of the sanitizer")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
