"""The file formats of a corpus: the tutorial's script, CSV with a header, and JSON lines.

Reading gives rows of (character, text) or CorpusError with file:line:column; writing gives lines. The three carry the
same rows, except that a script cannot hold line breaks.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mqtt_sim import corpus as corpora
from mqtt_sim.corpus import Corpus, Row
from mqtt_sim.errors import CorpusError, UsageError
from mqtt_sim.suggestion import did_you_mean

SUFFIXES = {".txt": "script", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
FORMATS = ("script", "csv", "jsonl")
TEXT_NAMES = ("text", "dialogue")
SIZE_LIMIT = 256 * 1024 * 1024
LINE_LIMIT = 1024 * 1024


def format_of(path: str, given: str | None, option: str) -> str:
    """The format that `option` names, else the one of the file's ending. Raises UsageError when there is neither."""
    if given is not None:
        if given not in FORMATS:
            raise UsageError(f'{option}: there is no format "{given}"; {did_you_mean(given, FORMATS)}')
        return given
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path}: its ending does not tell the format; say {option} {'|'.join(FORMATS)}")
    return SUFFIXES[suffix]


def likely_format(path: str) -> str:
    """The format of the file's ending, and of any other ending the script."""
    return SUFFIXES.get(Path(path).suffix.lower(), "script")


def read(path: str, form: str, *, strict: bool = False) -> Corpus:
    """The corpus in a file of this format. Raises CorpusError."""
    if form == "script":
        return corpora.load(path, strict=strict)
    text = _read_text(corpora.resolve_path(path))
    rows = tuple(_read_csv(path, text) if form == "csv" else _read_json_lines(path, text))
    if not rows:
        raise CorpusError(f"{path}:1:1: expected at least one row", file=path, line=1, column=1)
    return Corpus(path, rows, ())


def write(rows: Iterable[Row], form: str) -> Iterator[str]:
    """Lines of this format. Raises UsageError for a row that it cannot hold."""
    return {"script": _script_lines, "csv": _csv_lines, "jsonl": _json_lines}[form](rows)


def _wrong(path: str, line: int, column: int, expected: str) -> CorpusError:
    return CorpusError(f"{path}:{line}:{column}: expected {expected}", file=path, line=line, column=column)


def _read_text(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            data = stream.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror}", file=path) from None
    if len(data) > SIZE_LIMIT:
        raise CorpusError(f"{path}: is larger than 256 MiB", file=path)
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
        nul = data.find(b"\0")
    except UnicodeDecodeError as error:
        raise _wrong(path, *_place(data, error.start), "well-formed UTF-8") from None
    if nul >= 0:
        raise _wrong(path, *_place(data, nul), "text without a NUL byte")
    return text


def _place(data: bytes, offset: int) -> tuple[int, int]:
    return data.count(b"\n", 0, offset) + 1, offset - data.rfind(b"\n", 0, offset)


# ---- CSV


def _read_csv(path: str, text: str) -> Iterator[Row]:
    before = csv.field_size_limit(LINE_LIMIT)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        names = next(reader, [])
        who, what = _csv_columns(path, names)
        line = reader.line_num + 1
        for fields in reader:
            if fields:
                if len(fields) != len(names):
                    raise _wrong(path, line, 1, f"{len(names)} fields as in the header, found {len(fields)}")
                yield Row(fields[who], fields[what])
            line = reader.line_num + 1
    except csv.Error as error:
        column = len(text.splitlines()[reader.line_num - 1].encode()) + 1 if reader.line_num else 1
        raise _wrong(path, line, column, f"CSV with double quotes: {error}") from None
    finally:
        csv.field_size_limit(before)


def _csv_columns(path: str, names: list[str]) -> tuple[int, int]:
    lower = [name.strip().lower() for name in names]
    text = next((name for name in TEXT_NAMES if name in lower), None)
    if "character" not in lower or text is None:
        raise _wrong(path, 1, 1, 'a header with the columns "character" and "text" (or "dialogue")')
    return lower.index("character"), lower.index(text)


def _csv_lines(rows: Iterable[Row]) -> Iterator[str]:
    line = io.StringIO(newline="")
    writer = csv.writer(line, lineterminator="\n")
    for fields in _with_header(rows):
        writer.writerow(fields)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _with_header(rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    yield "character", "text"
    for row in rows:
        yield row.character, row.text


# ---- JSON lines


def _read_json_lines(path: str, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if len(line) >= LINE_LIMIT:
            raise _wrong(path, number, LINE_LIMIT, "a line shorter than 1 MiB")
        yield _json_row(path, number, line)


def _json_row(path: str, number: int, line: str) -> Row:
    try:
        item = json.loads(line)
    except json.JSONDecodeError as error:
        column = len(line[: error.pos].encode()) + 1
        raise _wrong(path, number, column, f"a JSON object on one line: {error.msg}") from None
    except RecursionError:
        raise _wrong(path, number, 1, "a JSON object that is not nested so deeply") from None
    if not isinstance(item, dict):
        raise _wrong(path, number, 1, 'a JSON object {"character": "...", "text": "..."}')
    return Row(_member(path, number, item, ("character",)), _member(path, number, item, TEXT_NAMES))


def _member(path: str, number: int, item: dict[str, Any], names: tuple[str, ...]) -> str:
    name = next((name for name in names if name in item), None)
    if name is None or not isinstance(item[name], str) or not _is_text(item[name]):
        raise _wrong(path, number, 1, f'a member "{names[0]}" that is text')
    return str(item[name])


def _is_text(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)


def _json_lines(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        document = {"character": row.character, "text": row.text}
        yield json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


# ---- script


def _script_lines(rows: Iterable[Row]) -> Iterator[str]:
    yield '"character" "dialogue"\n'
    for number, row in enumerate(rows, 1):
        if any(sign in field for field in (row.character, row.text) for sign in "\r\n\0"):
            raise UsageError(f"row {number} has a line break, which a script cannot hold; write csv or jsonl instead")
        line = f'"{number}" "{_escaped(row.character)}" "{_escaped(row.text)}"\n'
        if len(line.encode()) > LINE_LIMIT:
            raise UsageError(
                f"row {number} is longer than 1 MiB, the longest line of a script; write csv or jsonl instead"
            )
        yield line


def _escaped(field: str) -> str:
    return field.replace("\\", "\\\\").replace('"', '\\"')
