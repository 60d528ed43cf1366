"""`mqtt-sim corpus info|synth|convert`: what each prints and writes, and what it says about a file that is wrong."""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fake_core import FakeCore
from mqtt_sim import corpus_formats, corpus_synth
from mqtt_sim.corpus import WARNINGS_SHOWN, Corpus, Row
from mqtt_sim.errors import CorpusError, UsageError

Cli = Callable[..., Any]
ODD_ROWS = [
    Row("VOICE", "One."),
    Row("", "nobody says this"),
    Row("É, B", 'quotes "inside", a comma, and a trailing space '),
    Row("BACK\\SLASH", 'ends with a backslash \\ and \\" both'),
    Row("語", "🚀 ж"),
    Row("SILENT", ""),
]


def text_of(rows: list[Row], form: str) -> str:
    return "".join(corpus_formats.write(rows, form))


# ---- formats


@pytest.mark.req("K-04")
@pytest.mark.parametrize("form", corpus_formats.FORMATS)
def test_what_was_written_is_read_back(tmp_path: Path, form: str) -> None:
    path = tmp_path / "talk"
    path.write_text(text_of(ODD_ROWS, form), encoding="utf-8")
    assert list(corpus_formats.read(str(path), form).rows) == ODD_ROWS


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_line_breaks_survive_where_the_format_can_hold_them(tmp_path: Path, form: str) -> None:
    rows = [Row("A", "one\ntwo\r\nthree"), Row("B", "four")]
    path = tmp_path / "talk"
    path.write_bytes(text_of(rows, form).encode())
    assert list(corpus_formats.read(str(path), form).rows) == rows


def test_script_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(UsageError, match="row 2 has a line break, which a script cannot hold; write csv or jsonl"):
        text_of([Row("A", "a"), Row("B", "b\nc")], "script")
    with pytest.raises(UsageError, match="row 1 is longer than 1 MiB"):
        text_of([Row("A", "a" * 2**20)], "script")


@pytest.mark.req("K-03")
@pytest.mark.parametrize(
    ("form", "data", "told"),
    [
        ("csv", b"", '1:1: expected a header with the columns "character" and "text" (or "dialogue")'),
        ("csv", b"character,txet\n", '1:1: expected a header with the columns "character" and "text" (or "dialogue")'),
        ("csv", b"character,text\n", "1:1: expected at least one row"),
        ("csv", b"character,text\nA,b\nA\n", "3:1: expected 2 fields as in the header, found 1"),
        ("csv", b'character,text\n"A\nB",c\nA,b,c\n', "4:1: expected 2 fields as in the header, found 3"),
        ("csv", b'character,text\nA,"b"c\n', "2:7: expected CSV with double quotes: ',' expected after '\"'"),
        ("csv", b'character,text\nA,"b\n\n', "2:1: expected CSV with double quotes: unexpected end of data"),
        ("csv", b"character,text\nA,\xff\n", "2:3: expected well-formed UTF-8"),
        ("jsonl", b"\n", "1:1: expected at least one row"),
        ("jsonl", b'{"character":"A","text":"b"}\n{"character":"A",}\n', "2:18: expected a JSON object on one line"),
        ("jsonl", b'{"character":"\xc3\xa9","text":}\n', "1:26: expected a JSON object on one line"),
        ("jsonl", b"[1]\n", '1:1: expected a JSON object {"character": "...", "text": "..."}'),
        ("jsonl", b'\n{"character":"A"}\n', '2:1: expected a member "text" that is text'),
        ("jsonl", b'{"text":"A"}\n', '1:1: expected a member "character" that is text'),
        ("jsonl", b'{"character":"A","text":7}\n', '1:1: expected a member "text" that is text'),
        ("jsonl", b'{"character":"A","text":"\\ud800"}\n', '1:1: expected a member "text" that is text'),
        ("jsonl", b'{"character":"A","text":"\0"}\n', "1:26: expected text without a NUL byte"),
        ("jsonl", b"[" * 100_000 + b"\n", "1:1: expected a JSON object that is not nested so deeply"),
        ("jsonl", b'{"a":"' + b"x" * 2**20 + b'"}\n', f"1:{2**20}: expected a line shorter than 1 MiB"),
    ],
)
def test_wrong_file_is_told_with_line_and_column(tmp_path: Path, form: str, data: bytes, told: str) -> None:
    path = tmp_path / "talk"
    path.write_bytes(data)
    with pytest.raises(CorpusError) as raised:
        corpus_formats.read(str(path), form)
    assert str(raised.value).startswith(f"{path}:{told}")
    assert f"{raised.value.line}:{raised.value.column}:" == told.split(" ")[0]


def test_byte_order_mark_and_windows_line_ends_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "talk.csv"
    path.write_bytes(b"\xef\xbb\xbfDialogue,Character,Scene\r\nHello,A,1\r\n\r\nYes,B,1\r\n")
    assert corpus_formats.read(str(path), "csv").rows == (Row("A", "Hello"), Row("B", "Yes"))


# ---- info


@pytest.mark.req("K-05")
def test_info_of_the_shipped_corpus(cli: Cli) -> None:
    out = cli("corpus", "info", "--speakers", "2").out
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in out.splitlines()}
    assert int(lines["rows"]) >= 400
    assert lines["longest"].endswith("596 bytes")
    assert lines["encoding"] == "ASCII"
    assert lines["speakers"].count(", ") == 2, "two speakers and the dots"
    assert lines["warnings"] == "0"


def test_info_reads_other_formats_by_their_ending(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text(text_of(ODD_ROWS, "jsonl"), encoding="utf-8")
    out = cli("corpus", "info", str(path)).out
    assert "rows      6\n" in out
    assert "(nobody) 1" in out
    assert "longest   row 3, É, B, 47 bytes\n" in out
    assert "encoding  UTF-8, 2 rows beyond ASCII\n" in out


def test_info_warns_of_damaged_text(core: FakeCore, cli: Cli) -> None:
    core.corpus = ([("A", "caf\u00c3\u00a9"), ("B", "fine é"), ("C", "lost \ufffd"), ("D", "bell \x07")], [])
    ended = cli("corpus", "info")
    assert ended.out.split("warnings  ")[1].splitlines() == [
        "3",
        '  row 1: has "\u00c3\u00a9", which looks like UTF-8 that was read as Latin-1; convert the original again',
        "  row 3: has a replacement character (U+FFFD): something was not decoded; go back to the original",
        "  row 4: has the control character U+0007",
    ]
    ended = cli("corpus", "info", "--strict")
    assert (ended.exit_code, ended.out) == (104, "")
    assert "row 1: has" in ended.err


def test_info_lists_so_many_warnings_and_no_more(core: FakeCore, cli: Cli) -> None:
    core.corpus = ([("A", "\ufffd")] * (WARNINGS_SHOWN + 5), [])
    lines = cli("corpus", "info").out.splitlines()
    assert lines[-1] == "  ... and 5 more"
    assert sum(line.startswith("  row") for line in lines) == WARNINGS_SHOWN


# ---- synth


@pytest.mark.req("K-06")
def test_same_seed_gives_the_same_bytes_on_every_machine() -> None:
    def digest(seed: int, **options: bool) -> str:
        made = corpus_synth.synthesise(300, seed, corpus_synth.plain_model(), **options)
        return hashlib.sha256(text_of(list(made), "script").encode()).hexdigest()[:16]

    assert digest(4) == digest(4) == "dbe137bf30f62d2c"
    assert digest(4, non_ascii=True) == "a68981d06cdc36f4"
    assert digest(5) != digest(4)


@pytest.mark.req("K-06")
@pytest.mark.parametrize("non_ascii", [False, True])
def test_made_rows_have_the_sizes_and_shares_of_the_model(non_ascii: bool) -> None:
    model = corpus_synth.Model(weights=(70, 20, 10), sizes=(0, 1, 2, 3, 4, 5, 9, 40, 41, 600))
    made = Corpus("made", tuple(corpus_synth.synthesise(5000, 1, model, non_ascii=non_ascii)), ())
    assert set(made.text_sizes) == set(model.sizes)
    shares = [count / 5000 for count in sorted(made.speakers.values(), reverse=True)]
    assert shares == pytest.approx([0.7, 0.2, 0.1], abs=0.02)
    assert any(not row.text.isascii() for row in made.rows) == non_ascii
    assert list(made.speakers) == [name.strip() for name in made.speakers]


def test_model_takes_nothing_but_numbers_of_a_corpus() -> None:
    corpus = Corpus("x", (Row("A", "four"), Row("B", "é"), Row("B", "")), ())
    assert corpus_synth.model_of(corpus) == corpus_synth.Model(weights=(2, 1), sizes=(0, 2, 4))


def test_synth_writes_a_corpus_that_is_like_another(cli: Cli, tmp_path: Path) -> None:
    like, made = tmp_path / "like.csv", tmp_path / "made.txt"
    like.write_text(text_of([Row("ANN", "x" * 30)] * 9 + [Row("BOB", "y" * 10)], "csv"))
    ended = cli("corpus", "synth", "--rows", "200", "--seed", "2", "--like", str(like), "--non-ascii", "-o", str(made))
    assert (ended.exit_code, ended.out, ended.err) == (0, "", "")
    corpus = corpus_formats.read(str(made), "script")
    assert (len(corpus.rows), len(corpus.speakers), set(corpus.text_sizes)) == (200, 2, {10, 30})
    assert not {"ANN", "BOB"} & set(corpus.speakers)


def test_synth_prints_a_script_unless_told_otherwise(cli: Cli) -> None:
    assert cli("corpus", "synth", "--rows", "2").out.startswith('"character" "dialogue"\n"1" "')
    assert set(json.loads(cli("corpus", "synth", "--rows", "1", "--to", "jsonl").out)) == {"character", "text"}


# ---- convert


@pytest.mark.req("K-04")
def test_convert_goes_round_all_formats(cli: Cli, tmp_path: Path) -> None:
    first = tmp_path / "a.txt"
    first.write_text(text_of(ODD_ROWS, "script"), encoding="utf-8")
    steps = ["a.txt", "b.csv", "c.jsonl", "d.txt"]
    for source, target in itertools.pairwise(steps):
        ended = cli("corpus", "convert", str(tmp_path / source), str(tmp_path / target))
        assert ended == (0, "", "")
    assert (tmp_path / "d.txt").read_bytes() == first.read_bytes()


def test_convert_names_formats_by_option(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "a.data"
    path.write_text("character,text\nA,b\n")
    assert cli("corpus", "convert", str(path), "--from", "csv", "--to", "jsonl").out == '{"character":"A","text":"b"}\n'


def test_convert_tells_warnings_of_what_it_read(core: FakeCore, cli: Cli) -> None:
    core.corpus = ([("A", "b")], ["x.txt:5: lone backslash"])
    ended = cli("corpus", "convert", sys.executable, "--from", "script", "--to", "csv")
    assert (ended.out, ended.err) == ("character,text\nA,b\n", "mqtt-sim: x.txt:5: lone backslash\n")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (["convert", "{csv}"], 2, "standard output: its ending does not tell the format; say --to script|csv|jsonl"),
        (["convert", "{csv}", "x.data"], 2, "x.data: its ending does not tell the format; say --to"),
        (["convert", "{csv}", "--to", "scrpt"], 2, '--to: there is no format "scrpt"; did you mean "script"?'),
        (["convert", "{csv}", "--from", "jsonl", "--to", "csv"], 104, ":1:1: expected a JSON object on one line"),
        (["convert", "no.csv", "--to", "csv"], 104, "no.csv: there is no such file"),
        (["convert", "{csv}", "nowhere/x.txt"], 106, "nowhere/x.txt: the corpus cannot be written: No such file"),
        (["convert", "{csv}", "/dev/full", "--to", "csv"], 106, "/dev/full: the corpus cannot be written: No space"),
        (["synth", "--rows", "0"], 2, "--rows 0: should be from 1 to 5000000"),
        (["synth", "--rows", "5000001"], 2, "--rows 5000001: should be from 1 to 5000000"),
        (["synth", "--like", "no.csv"], 104, "no.csv: there is no such file"),
        (["info", "{csv}", "--from", "xml"], 2, '--from: there is no format "xml"'),
    ],
)
def test_wrong_use_is_told(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], exit_code: int, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.csv").write_text("character,text\nA,b\n")
    ended = cli("corpus", *(argument.replace("{csv}", "talk.csv") for argument in arguments))
    assert (ended.exit_code, ended.out) == (exit_code, "")
    assert told in ended.err
    assert ended.err.startswith("mqtt-sim: ")


def test_reader_that_leaves_early_does_no_harm() -> None:
    command = f"{sys.executable} -m mqtt_sim corpus synth --rows 50000 | head -n 1"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr) == ('"character" "dialogue"\n', "")
