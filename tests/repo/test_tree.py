"""Rules of the whole tree: what must be there, what must not, and that the documents tell the truth about it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

THIS_FILE = "tests/repo/test_tree.py"
UNTRACKED = {".git", ".venv", "build", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", "node_modules"}
LINES_LIMIT = 500

# Names by which text of the film would be known. The shipped corpus has a cast of its own.
FILM_NAMES = re.compile(
    r"\b(skywalker|vader|leia|threepio|chewbacca|tarkin|kenobi|obi-?wan|tatooine|alderaan|r2-?d2|c-?3po|stormtroopers?|"
    r"jedi|millennium falcon|death star)\b",
    re.IGNORECASE,
)
FILM_SPEAKERS = {
    "LUKE",
    "HAN",
    "BEN",
    "LEIA",
    "THREEPIO",
    "VADER",
    "TARKIN",
    "BIGGS",
    "WEDGE",
    "OWEN",
    "RED LEADER",
    "GOLD LEADER",
}
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|root|home/\w+|Users/\w+)/")
LATER = re.compile(r"\b(?:TO" + "DO|FIX" + "ME|XXX)\\b")


def tracked_files(root: Path) -> list[Path]:
    """What the repository holds: git's word where there is git, else everything but what a build leaves."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        files = [root / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        files = [path for path in root.rglob("*") if not UNTRACKED & set(path.relative_to(root).parts)]
    return sorted(path for path in files if path.is_file() and ".egg-info" not in str(path))


def texts(root: Path) -> Iterator[tuple[str, str]]:
    """(path from the root, text) of every tracked text file but this one, whose patterns would find themselves."""
    for path in tracked_files(root):
        name = path.relative_to(root).as_posix()
        if name == THIS_FILE:
            continue
        try:
            yield name, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def lines_matching(root: Path, pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in texts(root)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def code_files(root: Path) -> list[Path]:
    roots = (root / "core", root / "python")
    return sorted(path for base in roots for path in base.rglob("*") if path.suffix in (".hpp", ".cpp", ".py"))


def opening_comment(text: str) -> str:
    """The comment a header begins with, before or after its `#pragma once`; empty when it has none."""
    lines = [line.strip() for line in text.splitlines()]
    while lines and lines[0] in ("", "#pragma once"):
        lines.pop(0)
    comment = []
    for line in lines:
        if not line.startswith("//"):
            break
        comment.append(line.removeprefix("//").strip())
    return " ".join(comment)


@pytest.mark.req("P-02")
@pytest.mark.parametrize(
    "name", ["CMakeLists.txt", "core", "python", "scenarios", "tests", "pyproject.toml", "README.md"]
)
def test_top_level_has(repository: Path, name: str) -> None:
    assert (repository / name).exists()


@pytest.mark.parametrize("name", ["episode4.json", "episode4.py", "throughput.json", "idle.json"])
def test_scenario_is_there(repository: Path, name: str) -> None:
    assert (repository / "scenarios" / name).is_file()


def test_every_scenario_is_named_in_a_document(repository: Path) -> None:
    documents = [repository / "README.md", *repository.glob("docs/*.md"), *repository.glob("scenarios/*.md")]
    told = "\n".join(path.read_text(encoding="utf-8") for path in documents if path.is_file())
    scenarios = [path.name for path in sorted((repository / "scenarios").iterdir()) if path.suffix in (".json", ".py")]
    assert [name for name in scenarios if name not in told] == []


@pytest.mark.req("D-06")
def test_no_file_holds_text_of_the_film(repository: Path) -> None:
    assert lines_matching(repository, FILM_NAMES) == []
    assert [path for path in tracked_files(repository) if path.name.lower().startswith("sw_episode")] == []


def test_shipped_corpus_has_no_speaker_of_the_film(repository: Path) -> None:
    corpora = sorted((repository / "python/mqtt_sim/corpora").glob("*.txt"))
    assert corpora
    for path in corpora:
        speakers = set(re.findall(r'^"\d+" "([^"]*)" "', path.read_text(encoding="utf-8"), re.MULTILINE))
        assert len(speakers) >= 20
        assert not speakers & FILM_SPEAKERS


def test_no_file_names_a_machine(repository: Path) -> None:
    assert lines_matching(repository, MACHINE_PATH) == []


def test_nothing_is_put_off_in_a_comment(repository: Path) -> None:
    assert lines_matching(repository, LATER) == []


def test_every_header_of_core_says_what_it_is(repository: Path) -> None:
    headers = [*sorted((repository / "core").rglob("*.hpp")), *sorted((repository / "python/bindings").rglob("*.hpp"))]
    assert headers
    wordless = [str(path) for path in headers if len(opening_comment(path.read_text(encoding="utf-8"))) < 40]
    assert wordless == []


def test_no_file_of_code_is_too_long(repository: Path) -> None:
    sizes = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in code_files(repository)}
    assert {path: size for path, size in sizes.items() if size > LINES_LIMIT} == {}


@pytest.mark.req("M-30")
def test_licence_is_stated_in_all_three_places(repository: Path) -> None:
    licence = (repository / "LICENSE").read_text(encoding="utf-8")
    assert licence.startswith("MIT License")
    assert "the mqtt-sim authors" in licence
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "MIT"
    assert re.search(r"\bMIT\b", (repository / "README.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_commands_in_documents_exist(repository: Path, document: str) -> None:
    text = (repository / document).read_text(encoding="utf-8")
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    told = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert {"demo", "test"} <= told
    assert told <= targets
    scripts = set(re.findall(r"\b(scripts/[a-z-]+)", text))
    assert [name for name in sorted(scripts) if not (repository / name).is_file()] == []


# ---- the checks above can fail


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (FILM_NAMES, '"12" "PRINCESS LEIA" "..."'),
        (MACHINE_PATH, "see /home/ann/notes"),
        (MACHINE_PATH, 'path = "/root/x"'),
        (LATER, "// TO" + "DO: later"),
    ],
)
def test_patterns_find_what_they_are_for(tmp_path: Path, pattern: re.Pattern[str], line: str) -> None:
    (tmp_path / "notes.md").write_text(f"fine\n{line}\n", encoding="utf-8")
    (tmp_path / "build").mkdir()
    (tmp_path / "build/notes.md").write_text(line, encoding="utf-8")
    assert [hit.split(":")[:2] for hit in lines_matching(tmp_path, pattern)] == [["notes.md", "2"]]


@pytest.mark.parametrize(
    "line", ["docs/work/flow", "https://example.org/root/page", "mktemp -d /tmp/run.XXXXXX", "the root/ folder"]
)
def test_patterns_let_other_things_be(line: str) -> None:
    assert not any(pattern.search(line) for pattern in (FILM_NAMES, MACHINE_PATH, LATER))


def test_opening_comment_may_follow_the_pragma() -> None:
    assert opening_comment("#pragma once\n\n// One thing,\n// said.\nint x;\n// more") == "One thing, said."
    assert opening_comment("#pragma once\n#include <a>\n// late") == ""
