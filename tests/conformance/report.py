"""docs/CONFORMANCE.md: every normative statement of MQTT 3.1.1 and 5.0, the code that keeps it, the tests to prove it.

    python tests/conformance/report.py           who cites what is missing, and what is wrong
    python tests/conformance/report.py --write   write the page anew

The statements are the rows of statements.csv. Code and tests cite them in comments: `[MQTT-3.1.2-5]` is an id of 5.0,
`[MQTT-3.1.2-5] of 3.1.1` one of 3.1.1; the words stand after each id that they are meant for. Where both standards say
the same, the row of 3.1.1 names the ids of 5.0 that say it together (same_as), and citing those is enough. A row may
give a reason why nothing can cite it, for one of the two parts (`broker: ...`, `client: ...`) or for both.

The page names the file and the function around a citation, so it changes when these do and not with every edit.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from enclosing import labels_of

REPOSITORY = Path(__file__).resolve().parents[2]
STATEMENTS = Path("tests/conformance/statements.csv")
PAGE = Path("docs/CONFORMANCE.md")
FOLDERS = ("core", "python", "tests")
NOT_READ = ("tests/conformance/", "tests/repo/test_conformance.py")
SUFFIXES = (".cpp", ".hpp", ".py")

CITATION = re.compile(r"\[MQTT-([^\]\s]*)\](\s+(?:(?://|#)\s*)?of\s+3\.1\.1\b)?")
MISPLACED = re.compile(r"3\.1\.1:?\s\[MQTT-")

# Whose conduct a folder is or proves; every other folder is or proves that of both.
BROKER_ONLY = ("core/broker/", "core/storage/", "python/mqtt_sim/broker", "tests/cpp/broker/", "tests/cpp/storage/")
CLIENT_ONLY = ("core/client/", "core/load/", "python/mqtt_sim/scenario/", "tests/cpp/client/", "tests/cpp/load/")
PARTS = {"broker": "SB", "client": "CB"}  # and the sides of a statement that concern it

SECTIONS = {
    "1.5": "Data representation",
    "2.1": "Fixed header",
    "2.2": "Variable header",
    "2.3": "Packet identifier",
    "3.1": "CONNECT",
    "3.2": "CONNACK",
    "3.3": "PUBLISH",
    "3.4": "PUBACK",
    "3.5": "PUBREC",
    "3.6": "PUBREL",
    "3.7": "PUBCOMP",
    "3.8": "SUBSCRIBE",
    "3.9": "SUBACK",
    "3.10": "UNSUBSCRIBE",
    "3.11": "UNSUBACK",
    "3.12": "PINGREQ",
    "3.14": "DISCONNECT",
    "3.15": "AUTH",
    "4.1": "Session state",
    "4.2": "Network connections",
    "4.3": "Quality of service",
    "4.4": "Message delivery retry",
    "4.5": "Message receipt",
    "4.6": "Message ordering",
    "4.7": "Topic names and filters",
    "4.8": "Subscriptions (5.0), errors (3.1.1)",
    "4.9": "Flow control",
    "4.12": "Enhanced authentication",
    "4.13": "Errors",
    "6.0": "WebSocket",
    "7.0": "Conformance",
    "7.1": "Conformance targets",
}

Key = tuple[str, str]  # version, id


@dataclass(frozen=True, order=True)
class Citation:
    path: str  # from the root of the repository
    label: str  # function or test around it; empty at the top of a file

    @property
    def is_test(self) -> bool:
        return self.path.startswith("tests/")

    def speaks_for(self, part: str) -> bool:
        return not self.path.startswith(CLIENT_ONLY if part == "broker" else BROKER_ONLY)


@dataclass
class Statement:
    version: str
    id: str
    side: str
    same_as: list[str]
    words: str
    reason: str
    citations: list[Citation] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return self.version, self.id

    def concerns(self, part: str) -> bool:
        return self.side in PARTS[part]

    def reason_for(self, part: str) -> str:
        """Why nothing of this part can cite it; empty when something should."""
        reasons = self.reason.split("; ") if self.reason else []
        for reason in reasons:
            whose, colon, text = reason.partition(": ")
            if not colon or whose not in PARTS:
                return reason
            if whose == part:
                return text
        return ""


@dataclass(frozen=True)
class Standing:
    """What there is for one statement and one part."""

    in_code: bool
    in_tests: bool
    reason: str

    @property
    def missing(self) -> list[str]:
        if self.reason:
            return []
        return [what for what, there in (("code", self.in_code), ("test", self.in_tests)) if not there]


class Conformance:
    """The statements of a repository with their citations, and what is wrong with these."""

    def __init__(self, root: Path = REPOSITORY) -> None:
        self.statements = {row.key: row for row in read_statements(root / STATEMENTS)}
        self.faults = [
            f"{STATEMENTS}: {row.version} {row.id} is the same as {id}, which is not of 5.0"
            for row in self.statements.values()
            for id in row.same_as
            if ("5.0", id) not in self.statements
        ]
        for path in source_files(root):
            self._read(path, path.relative_to(root).as_posix())

    def _read(self, path: Path, name: str) -> None:
        text = path.read_text(encoding="utf-8")
        if "[MQTT-" not in text:
            return
        labels = labels_of(text, path.suffix)
        self.faults += [
            f"{name}:{line_of(text, hit)}: name the standard after the id: [MQTT-...] of 3.1.1"
            for hit in MISPLACED.finditer(text)
        ]
        for hit in CITATION.finditer(text):
            version = "3.1.1" if hit[2] else "5.0"
            statement = self.statements.get((version, hit[1]))
            if not statement:
                self.faults.append(f"{name}:{line_of(text, hit)}: {version} has no statement {hit[1]}")
                continue
            citation = Citation(name, labels[line_of(text, hit) - 1])
            if citation not in statement.citations:
                statement.citations.append(citation)

    def standing(self, statement: Statement, part: str) -> Standing:
        def is_cited(is_test: bool) -> bool:
            return self._is_cited(statement, part, is_test) or (
                bool(statement.same_as)
                and all(self._is_cited(self.statements["5.0", id], part, is_test) for id in statement.same_as)
            )

        return Standing(is_cited(False), is_cited(True), self._reason(statement, part))

    def _reason(self, statement: Statement, part: str) -> str:
        if reason := statement.reason_for(part):
            return reason
        reasons = [self.statements["5.0", id].reason_for(part) for id in statement.same_as]
        return reasons[0] if reasons and all(reasons) else ""

    @staticmethod
    def _is_cited(statement: Statement, part: str, is_test: bool) -> bool:
        return any(citation.is_test == is_test and citation.speaks_for(part) for citation in statement.citations)

    def of(self, version: str, part: str) -> list[Statement]:
        return [row for row in self.statements.values() if row.version == version and row.concerns(part)]

    def gaps(self) -> list[tuple[Statement, str, Standing]]:
        """Statements that a part has to meet and that its code or its tests do not cite, without a reason."""
        found = []
        for statement in self.statements.values():
            for part in PARTS:
                standing = self.standing(statement, part)
                if statement.concerns(part) and standing.missing:
                    found.append((statement, part, standing))
        return found


def read_statements(path: Path) -> list[Statement]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Statement(row["version"], row["id"], row["side"], row["same_as"].split(), row["words"], row["reason"])
            for row in csv.DictReader(file)
        ]


def source_files(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix in SUFFIXES and path.is_file() and not name.startswith(NOT_READ):
                yield path


def line_of(text: str, hit: re.Match[str]) -> int:
    return text.count("\n", 0, hit.start()) + 1


# ---- the page


def page(conformance: Conformance) -> str:
    """The whole of docs/CONFORMANCE.md."""
    parts = [HEAD, head_table(conformance), *version_tables(conformance), uncited(conformance)]
    return "\n\n".join(parts) + "\n"


HEAD = """\
# Conformance

Every normative statement of MQTT 3.1.1 and 5.0 in our own words, the code that keeps it and the tests that prove it.
Written by `python tests/conformance/report.py --write` from the citations in code and tests; a test fails when this
page is not up to date or a citation names no statement. Ids are those of the OASIS standards; the same number means
different things in the two. How to cite is told in `tests/conformance/report.py`.

Side: **S** the server (our broker) does or checks it, **C** the client, **B** both. Code and tests of the protocol
layer, of the drivers and of whole runs speak for both parts. `= 5.0 id`: 5.0 says the same, so that one is cited."""


def head_table(conformance: Conformance) -> str:
    lines = [
        "| standard | part | statements | in code | in tests | in both | with a reason | open |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for version in ("3.1.1", "5.0"):
        for part, sides in PARTS.items():
            standings = [conformance.standing(row, part) for row in conformance.of(version, part)]
            numbers = [
                len(standings),
                sum(it.in_code for it in standings),
                sum(it.in_tests for it in standings),
                sum(it.in_code and it.in_tests for it in standings),
                sum(bool(it.reason) and not (it.in_code and it.in_tests) for it in standings),
                sum(bool(it.missing) for it in standings),
            ]
            cells = [version, f"{part} ({'+'.join(sides)})", *map(str, numbers)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def version_tables(conformance: Conformance) -> Iterator[str]:
    for version in ("3.1.1", "5.0"):
        yield f"## {version}"
        rows = [row for row in conformance.statements.values() if row.version == version]
        for section in dict.fromkeys(section_of(row) for row in rows):
            lines = [f"### {section} {SECTIONS[section]}", "", "| id | side | statement | code | tests |"]
            lines += ["|---|---|---|---|---|"]
            lines += [table_row(row) for row in rows if section_of(row) == section]
            yield "\n".join(lines)


def section_of(statement: Statement) -> str:
    return ".".join(re.split(r"[.-]", statement.id)[:2])


def table_row(statement: Statement) -> str:
    same = [f"= 5.0 {' '.join(statement.same_as)}"] if statement.same_as else []
    cells = [same + places(it for it in statement.citations if it.is_test == is_test) for is_test in (False, True)]
    code, tests = ("<br>".join(cell) for cell in cells)
    words = statement.words.replace("|", "\\|")
    return f"| {statement.id} | {statement.side} | {words} | {code} | {tests} |"


def places(citations: Iterable[Citation]) -> list[str]:
    """One line for each file: a link and the names in it."""
    by_file: dict[str, list[str]] = {}
    for citation in sorted(citations):
        names = by_file.setdefault(citation.path, [])
        if citation.label:
            names.append(citation.label.replace("_", "\\_"))
    return [f"[{path.split('/', 1)[1]}](../{path}) {', '.join(names)}".strip() for path, names in by_file.items()]


def uncited(conformance: Conformance) -> str:
    lines = ["## What nothing cites", "", "| standard | id | part | missing | reason |", "|---|---|---|---|---|"]
    for statement in conformance.statements.values():
        for part in PARTS:
            standing = conformance.standing(statement, part)
            if not statement.concerns(part) or (standing.in_code and standing.in_tests):
                continue
            there = {"code": standing.in_code, "test": standing.in_tests}
            missing = ", ".join(what for what, is_there in there.items() if not is_there)
            reason = standing.reason or "open"
            lines.append(f"| {statement.version} | {statement.id} | {part} | {missing} | {reason} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    conformance = Conformance()
    if "--write" in arguments:
        (REPOSITORY / PAGE).write_text(page(conformance), encoding="utf-8")
    print(head_table(conformance))
    for statement, part, standing in conformance.gaps():
        missing = " and ".join(standing.missing)
        print(f"{statement.version:5} {statement.id:9} {part}: no {missing}: {statement.words}")
    for fault in conformance.faults:
        print(fault)
    return 1 if conformance.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
