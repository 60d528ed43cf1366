"""`mqtt-sim corpus ...`: look at a corpus, make one up, turn one format into another."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from mqtt_sim.command.ending import ends_with_exit_code, epilog
from mqtt_sim.command.group import CommandGroup

app = typer.Typer(
    cls=CommandGroup,
    help="Look at a dialogue corpus, make one up, or turn one format into another.",
    no_args_is_help=True,
    add_completion=False,
    epilog=epilog(
        "mqtt-sim corpus info SW_EpisodeIV.txt",
        "mqtt-sim corpus synth --rows 10000 --seed 4 -o big.txt",
        "mqtt-sim corpus convert talk.csv talk.txt",
    ),
)

_FORMAT = "script|csv|jsonl"
_From = Annotated[str | None, typer.Option("--from", metavar=_FORMAT, help="Format of the file, if not by its ending.")]
_To = Annotated[str | None, typer.Option("--to", metavar=_FORMAT, help="Format written, if not by the ending.")]
_Strict = Annotated[bool, typer.Option("--strict", help="Warnings become errors.")]


@app.command(
    "info", epilog=epilog("mqtt-sim corpus info", "mqtt-sim corpus info SW_EpisodeIV.txt", "mqtt-sim corpus info a.csv")
)
@ends_with_exit_code
def corpus_info_command(
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="Default: the corpus that ships.")] = None,
    strict: _Strict = False,
    speakers: Annotated[int, typer.Option("--speakers", metavar="N", min=1, help="How many speakers to list.")] = 8,
    source: _From = None,
) -> None:
    """Read a corpus and print its profile: rows, speakers, lengths, encoding."""
    from mqtt_sim import corpus, corpus_formats

    path = corpus.resolve_path(file)
    form = corpus_formats.format_of(path, source or corpus_formats.likely_format(path), "--from")
    read = corpus_formats.read(path, form, strict=strict)
    if strict and (damaged := corpus.encoding_warnings(read)):
        from mqtt_sim.errors import CorpusError

        raise CorpusError(f"{path}: {damaged[0]}", file=path)
    typer.echo(corpus.describe(read, speakers_shown=speakers))


@app.command(
    "synth",
    epilog=epilog(
        "mqtt-sim corpus synth --rows 10000 --seed 4 -o big.txt",
        "mqtt-sim corpus synth --rows 1000 --like SW_EpisodeIV.txt --non-ascii --to jsonl",
    ),
)
@ends_with_exit_code
def corpus_synth_command(
    rows: Annotated[int, typer.Option("--rows", metavar="N", help="How many rows.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Same seed, same corpus.")] = 1,
    like: Annotated[
        str | None, typer.Option("--like", metavar="FILE", help="Take speakers' shares and lengths from this corpus.")
    ] = None,
    non_ascii: Annotated[bool, typer.Option("--non-ascii", help="Use letters of two, three and four bytes.")] = False,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="-: standard output.")] = "-",
    to: _To = None,
) -> None:
    """Make up a corpus from a seed; of invented words, whatever it is like."""
    from mqtt_sim import corpus_formats, corpus_synth
    from mqtt_sim.errors import UsageError

    if not 1 <= rows <= corpus_synth.LARGEST:
        raise UsageError(f"--rows {rows}: should be from 1 to {corpus_synth.LARGEST}")
    form = corpus_formats.format_of(output, to or ("script" if output == "-" else None), "--to")
    model = corpus_synth.plain_model()
    if like is not None:
        model = corpus_synth.model_of(corpus_formats.read(like, corpus_formats.likely_format(like)))
    _write(corpus_formats.write(corpus_synth.synthesise(rows, seed, model, non_ascii=non_ascii), form), output)


@app.command(
    "convert",
    epilog=epilog("mqtt-sim corpus convert talk.csv talk.txt", "mqtt-sim corpus convert talk.txt --to jsonl | head"),
)
@ends_with_exit_code
def corpus_convert_command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The corpus to read.")],
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="-: standard output.")] = "-",
    source: _From = None,
    to: _To = None,
    strict: _Strict = False,
) -> None:
    """Turn a corpus into another format: the tutorial's script, CSV, or JSON lines."""
    from mqtt_sim import corpus_formats

    form = corpus_formats.format_of(output if output != "-" else "standard output", to, "--to")
    read = corpus_formats.read(file, corpus_formats.format_of(file, source, "--from"), strict=strict)
    for warning in read.warnings:
        typer.echo(f"mqtt-sim: {warning}", err=True)
    _write(corpus_formats.write(read.rows, form), output)


def _write(lines: Iterable[str], output: str) -> None:
    """To standard output as it comes; a file is there completely or not at all."""
    from pathlib import Path

    from mqtt_sim.errors import CouldNotRun
    from mqtt_sim.whole_files import READABLE, write_whole

    try:
        if output == "-":
            sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
            sys.stdout.writelines(lines)
            sys.stdout.flush()
        elif os.path.exists(output) and not os.path.isfile(output):
            with open(output, "w", encoding="utf-8") as stream:
                stream.writelines(lines)
        else:
            write_whole([(Path(os.path.realpath(output)), "".join(lines), READABLE)])
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise CouldNotRun(f"{output}: the corpus cannot be written: {error.strerror}", kind="corpus") from None
