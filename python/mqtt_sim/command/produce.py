"""`mqtt-sim produce`: speaks a dialogue corpus, or a template, message by message at a fixed pace."""

from __future__ import annotations

from typing import Annotated

import typer

from mqtt_sim.command.client_flags import ClientCommand, ClientFlags, with_client_flags
from mqtt_sim.command.ending import ends_with_exit_code, epilog

app = typer.Typer(add_completion=False)


@app.command(
    cls=ClientCommand,
    epilog=epilog(
        "mqtt-sim produce --embedded",
        "mqtt-sim produce --corpus SW_EpisodeIV.txt --topic StarWars --interval 1s -h test.mosquitto.org",
        "mqtt-sim produce --template 'Hello mqtt {epoch_ms}' --topic test --interval 3s",
    ),
)
@ends_with_exit_code
@with_client_flags
def produce_command(
    flags: ClientFlags,
    corpus: Annotated[
        str | None,
        typer.Option("--corpus", metavar="FILE", envvar="MQTT_SIM_CORPUS", help="Dialogues. Default: those that ship."),
    ] = None,
    topic: Annotated[str | None, typer.Option("--topic", "-t", help="Default: StarWars", show_default=False)] = None,
    interval: Annotated[str, typer.Option("--interval", metavar="TIME", help="From message to message.")] = "1s",
    template: Annotated[
        str | None, typer.Option("--template", metavar="TEXT", help="Instead: {seq} {epoch_ms} {random} {text} ...")
    ] = None,
    count: Annotated[
        int | None, typer.Option("-C", "--count", min=1, metavar="N", help="End after N messages.")
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again after the last line.")] = False,
    qos: Annotated[int, typer.Option("--qos", "-q", min=0, max=2, help="0, 1 or 2.")] = 0,
    retain: Annotated[bool, typer.Option("--retain", "-r", help="Retained by the broker.")] = False,
    announce: Annotated[
        str | None, typer.Option("--announce", metavar="TEXT", help="First of all, the NARRATOR says this.")
    ] = None,
    echo: Annotated[bool, typer.Option("--self-subscribe", help="Subscribe to the topic, and print its echo.")] = False,
    time: Annotated[bool, typer.Option("--time", help="The time of sending in each line, ISO 8601.")] = False,
    header: Annotated[str, typer.Option("--header", metavar="skip|as-record", help="Of the corpus.")] = "skip",
    parser: Annotated[
        str, typer.Option("--parser", metavar="strict-unescape|tutorial", help="Of the corpus.")
    ] = "strict-unescape",
    embedded: Annotated[bool, typer.Option("--embedded", help="Start a broker here; -p is its port.")] = False,
) -> None:
    """Speak a dialogue, a line a second: the producer of the tutorial."""
    from mqtt_sim.command import producing
    from mqtt_sim.command.embedded import broker_here

    pace = producing.read_interval(interval)
    lines = producing.lines_of(
        template=template, corpus=corpus, header=header, parser=parser, loop=loop, announce=announce, with_time=time
    )
    with broker_here(flags, wanted=embedded) as address:
        where = topic or flags.topic_of_url or producing.TOPIC
        producing.produce(
            address, flags.options(), producing.Wishes(where, lines, pace, qos, retain, echo=echo, count=count)
        )
