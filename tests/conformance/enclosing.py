"""What a line of source stands in: the name of the function, test, type or table around it.

Reads C++ as clang-format leaves it (what is defined at the level of a namespace begins in the first column, members of
a type two columns in), and Python with its own parser. A comment on a line of its own belongs to the code below it.
"""

from __future__ import annotations

import ast
import re

TEST = re.compile(r"^(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\s*\)")
INSTANCE = re.compile(r"^INSTANTIATE_TEST_SUITE_P\(\s*\w+,\s*(\w+)")
TYPE = re.compile(r"^(?:enum class|enum|class|struct|union)\s+(\w+)")
CALLABLE = re.compile(r"(~?\w+(?:::~?\w+)*|operator\W{1,3}|operator \w+)\s*\(")
OBJECT = re.compile(r"(\w+)\s*(?:\[[^\]]*\]\s*)*(?:=|\{|;)")
NO_DEFINITION = re.compile(r"^(?:[}){\]:]|//|#|namespace\b|using\b|extern\b|public:|private:|protected:)")
TEMPLATE = re.compile(r"^template\s*<[^{}()]*>\s*")


def labels_of(text: str, suffix: str) -> list[str]:
    """For each line of `text` the name around it; empty outside of everything."""
    lines = text.splitlines()
    own = _python_labels(text, len(lines)) if suffix == ".py" else _cpp_labels(lines)
    comment = "#" if suffix == ".py" else "//"
    for at in range(len(lines) - 2, -1, -1):
        if lines[at].lstrip().startswith(comment) and lines[at + 1].strip():
            own[at] = own[at + 1]
    return own


def _cpp_labels(lines: list[str]) -> list[str]:
    labels = []
    outer = member = ""
    is_type = False
    for at, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if line and indent == 0 and not NO_DEFINITION.match(line):
            statement = TEMPLATE.sub("", _joined(lines, at))
            outer, member = _name(statement), ""
            is_type = bool(TYPE.match(statement)) and "{" in statement
        elif is_type and indent == 2 and not NO_DEFINITION.match(line.strip()):
            member = _name(TEMPLATE.sub("", _joined(lines, at)))
        labels.append(f"{outer}::{member}" if member and member != outer else outer)
        if line.startswith("}") or (indent == 0 and line.endswith((";", "}"))):
            outer, member, is_type = "", "", False
    return labels


def _joined(lines: list[str], at: int) -> str:
    """The beginning of a definition, up to its first brace or semicolon."""
    text = ""
    for line in lines[at : at + 12]:
        text += line.strip() + " "
        if "{" in line or line.rstrip().endswith(";"):
            break
    return text


def _name(statement: str) -> str:
    if hit := TEST.match(statement):
        return f"{hit[1]}.{hit[2]}"
    if hit := INSTANCE.match(statement):
        return hit[1]
    if hit := TYPE.match(statement):
        return hit[1]
    called, named = CALLABLE.search(statement), OBJECT.search(statement)
    if called and (not named or called.start() <= named.start()):
        return called[1].strip()
    return named[1] if named else ""


def _python_labels(text: str, count: int) -> list[str]:
    labels = [""] * count

    def visit(node: ast.AST, outer: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = outer
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                name = f"{outer}.{child.name}" if outer else child.name
                first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                for at in range(first - 1, child.end_lineno or first):
                    labels[at] = name
            visit(child, name)

    visit(ast.parse(text), "")
    return labels
