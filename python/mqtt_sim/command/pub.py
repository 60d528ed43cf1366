"""`mqtt-sim pub`: one message, or one for each line of standard input; the flags of mosquitto_pub and MQTT.js."""

from __future__ import annotations

from typing import Annotated

import typer

from mqtt_sim.command.client_flags import ClientCommand, ClientFlags, with_client_flags
from mqtt_sim.command.ending import ends_with_exit_code, epilog

app = typer.Typer(add_completion=False)


@app.command(
    cls=ClientCommand,
    epilog=epilog(
        "mqtt-sim pub -t hello -m world",
        "mqtt-sim pub -L mqtts://ann:secret@broker:8883/rooms/1 -m 21.5 -q 1 -r",
        "tail -f log | mqtt-sim pub -h broker -t log -l",
        "mqtt-sim pub hello world -D publish user-property origin shell",
    ),
)
@ends_with_exit_code
@with_client_flags
def pub_command(
    flags: ClientFlags,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[TOPIC [MESSAGE]]", help="Instead of --topic and --message.")
    ] = None,
    topic: Annotated[str | None, typer.Option("--topic", "-t", help="Where it goes.")] = None,
    message: Annotated[str | None, typer.Option("--message", "-m", help="The message.")] = None,
    file: Annotated[str | None, typer.Option("--file", "-f", metavar="FILE", help="The message is this file.")] = None,
    stdin: Annotated[bool, typer.Option("--stdin", "--stdin-file", "-s", help="It is all of standard input.")] = False,
    lines: Annotated[
        bool, typer.Option("--stdin-line", "-l", "--multiline", "-M", help="A message for each line of it.")
    ] = False,
    null: Annotated[bool, typer.Option("--null-message", "-n", help="An empty message.")] = False,
    qos: Annotated[int, typer.Option("--qos", "-q", min=0, max=2, help="0, 1 or 2.")] = 0,
    retain: Annotated[bool, typer.Option("--retain", "-r", help="Retained by the broker.")] = False,
    repeat: Annotated[int, typer.Option("--repeat", min=1, metavar="N", help="Send it so many times.")] = 1,
    repeat_delay: Annotated[
        float, typer.Option("--repeat-delay", min=0, metavar="SECONDS", help="Between two of them.")
    ] = 0.0,
) -> None:
    """Publish a message, or the lines of standard input, and wait until the broker has them."""
    from mqtt_sim.command import publishing
    from mqtt_sim.errors import UsageError

    given = list(words or [])
    address, options = flags.address(), flags.options()
    where = topic or flags.topic_of_url or (given.pop(0) if given else None)
    if where is None:
        raise UsageError("say where the message goes: --topic TOPIC")
    text = message if message is not None else given.pop(0) if given else None
    if given:
        raise UsageError(f'what is "{given[0]}"? A topic and a message are all that stands without a flag')
    source = publishing.source_of(text=text, file=file, stdin=stdin, lines=lines, null=null)
    if lines and repeat > 1:
        raise UsageError("--repeat is for one message; leave it out, or -l")
    publish = publishing.Publish(where, qos, retain, flags.properties_of("publish"), repeat, repeat_delay)
    publishing.publish_all(address, options, publish, source)
