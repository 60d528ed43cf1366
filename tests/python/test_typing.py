"""Types: the stub of the compiled module says what the module says, and what we show users passes mypy."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
_PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_WORDS = {
    "typing.SupportsInt | typing.SupportsIndex": "int",
    "typing.SupportsFloat | typing.SupportsIndex": "float",
    "collections.abc.Sequence": "list",
    "collections.abc.Callable": "Callable",
    "typing.": "",
    "mqtt_sim._core.": "",
    "Broker.Ticket": "Ticket",
}
_RELAXED = (
    "--allow-untyped-defs",
    "--allow-incomplete-defs",
    "--allow-untyped-calls",
    "--disable-error-code=var-annotated",
    "--disable-error-code=arg-type",
)
"""For code that is short on purpose: no annotations, and durations as text."""
_LOOSE = ("", "Any", "object")
"""Types by which the module says nothing."""


class Parameter(NamedTuple):
    name: str
    type: str
    is_optional: bool


class Signature(NamedTuple):
    parameters: tuple[Parameter, ...]
    result: str


def signatures(module: str) -> dict[str, Signature | None]:
    """Name → signature of everything in a stub; None for what is no function."""
    return dict(_signatures(ast.parse(module).body, ""))


def _signatures(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Signature | None]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield prefix + node.name, None
            yield from _signatures(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield prefix + node.name, _signature(node)


def _signature(node: ast.FunctionDef) -> Signature:
    arguments = [*node.args.posonlyargs, *node.args.args]
    first_optional = len(arguments) - len(node.args.defaults)
    parameters = [
        Parameter(argument.arg, _type(argument.annotation), number >= first_optional)
        for number, argument in enumerate(arguments)
        if argument.arg != "self"
    ]
    return Signature(tuple(parameters), _type(node.returns))


def _type(node: ast.expr | None) -> str:
    text = "" if node is None else ast.unparse(node)
    for word, ours in _WORDS.items():
        text = text.replace(word, ours)
    return text


def agrees(ours: str, theirs: str) -> bool:
    """Whether our type is the module's, or says more where the module cannot."""
    if theirs in _LOOSE or ours in (theirs, f"{theirs} | None"):  # a pointer may be null
        return True
    if theirs == "str":
        return ours == "bytes"  # std::string takes either
    return ours.startswith(f"{theirs}[") or _without_text(ours) == _without_text(theirs)


def _without_text(text: str) -> str:
    return re.sub(r"\b(str|bytes)\b", "text", text)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signature | None]:
    """What the compiled module says about itself."""
    folder = tmp_path_factory.mktemp("stubs")
    command = [sys.executable, "-m", "pybind11_stubgen", "mqtt_sim._core", "-o", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return signatures((folder / "mqtt_sim/_core.pyi").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def written() -> dict[str, Signature | None]:
    """What our stub says, with what its aliases stand for."""
    text = (ROOT / "python/mqtt_sim/_core.pyi").read_text(encoding="utf-8")
    for alias, meaning in re.findall(r"^(_\w+): TypeAlias = (.+)$", text, re.MULTILINE):
        text = re.sub(rf"\b{alias}\b(?!:)", meaning, text)
    return signatures(text)


@pytest.mark.req("Y-14")
def test_stub_has_every_name_of_the_module_and_no_other(
    compiled: dict[str, Signature | None], written: dict[str, Signature | None]
) -> None:
    assert sorted(compiled.keys() - written.keys()) == [], "in the module, not in _core.pyi"
    assert sorted(written.keys() - compiled.keys()) == [], "in _core.pyi, not in the module"


@pytest.mark.req("Y-14")
def test_stub_has_the_signatures_of_the_module(
    compiled: dict[str, Signature | None], written: dict[str, Signature | None]
) -> None:
    wrong = []
    for name in compiled.keys() & written.keys():
        theirs, ours = compiled[name], written[name]
        if theirs is None or ours is None:
            continue
        pairs = list(zip_longest(ours.parameters, theirs.parameters))
        is_same = all(
            one is not None
            and other is not None
            and (one.name == other.name or re.fullmatch(r"arg\d+", other.name))
            and one.is_optional == other.is_optional
            and agrees(one.type, other.type)
            for one, other in pairs
        )
        if not is_same or not agrees(ours.result, theirs.result):
            wrong.append(f"{name}: {ours} in the stub, {theirs} in the module")
    assert sorted(wrong) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "is_right"),
    [
        ("int", "int", True),
        ("bytes", "str", True),
        ("int", "str", False),
        ("list[int]", "list", True),
        ("list[int]", "list[str]", False),
        ("tuple[bytes, int]", "tuple[str, int]", True),
        ("int", "Any", True),
    ],
)
def test_comparison_of_types_can_fail(ours: str, theirs: str, is_right: bool) -> None:
    assert agrees(ours, theirs) is is_right


def mypy(*arguments: str) -> str:
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.req("Y-14")
def test_examples_pass_mypy_strict() -> None:
    files = sorted((ROOT / "examples").glob("*.py"))
    assert len(files) >= 7
    assert mypy("--strict", "--scripts-are-modules", *map(str, files), str(ROOT / "scenarios/episode4.py")) == ""


@pytest.mark.req("Y-14")
def test_scenarios_use_types_that_there_are() -> None:
    files = sorted((ROOT / "scenarios").rglob("*.py"))
    assert files
    assert mypy("--strict", "--scripts-are-modules", *_RELAXED, *map(str, files)) == ""


@pytest.mark.req("Y-14")
def test_snippets_of_the_pages_use_types_that_there_are(tmp_path: Path) -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    files = []
    for page in pages:
        for number, code in enumerate(_PYTHON_BLOCK.findall(page.read_text(encoding="utf-8"))):
            if "import mqtt_sim" not in code and "from mqtt_sim" not in code:
                continue  # a part of something
            files.append(tmp_path / f"{page.stem.lower()}_{number}.py")
            files[-1].write_text(code, encoding="utf-8")
    assert len(files) >= 12
    assert mypy("--strict", *_RELAXED, *map(str, files)) == ""
