"""`mqtt-sim sub`: prints what arrives; the flags of mosquitto_sub and MQTT.js."""

from __future__ import annotations

from typing import Annotated

import typer

from mqtt_sim.command.client_flags import ClientCommand, ClientFlags, with_client_flags
from mqtt_sim.command.ending import ends_with_exit_code, epilog

app = typer.Typer(add_completion=False)


@app.command(
    cls=ClientCommand,
    epilog=epilog(
        "mqtt-sim sub -t 'sensors/#' -v",
        "mqtt-sim sub -L ws://broker:8083 -t a -t b -q 1 -C 10 -W 5",
        "mqtt-sim sub '$SYS/#' -F '%I %t %p'",
    ),
)
@ends_with_exit_code
@with_client_flags
def sub_command(
    flags: ClientFlags,
    words: Annotated[list[str] | None, typer.Argument(metavar="[TOPIC]...", help="Instead of --topic.")] = None,
    topics: Annotated[list[str] | None, typer.Option("--topic", "-t", help="Topic filter. Repeatable.")] = None,
    filter_out: Annotated[
        list[str] | None, typer.Option("--filter-out", "-T", metavar="FILTER", help="Not these. Repeatable.")
    ] = None,
    qos: Annotated[int, typer.Option("--qos", "-q", min=0, max=2, help="Highest QoS wanted.")] = 0,
    count: Annotated[
        int | None, typer.Option("-C", "--count", min=1, metavar="N", help="End after N messages.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("-W", "--timeout", min=0, metavar="SECONDS", help="End after this time.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Topic before the message.")] = False,
    form: Annotated[
        str | None, typer.Option("--format", "-F", help="%t topic, %p payload, %q QoS, %I time, %j JSON, ...")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    no_newline: Annotated[bool, typer.Option("-N", "--no-newline", help="No line end after a message.")] = False,
    no_retained: Annotated[bool, typer.Option("-R", "--no-retained", help="Not the retained ones.")] = False,
    retained_only: Annotated[
        bool, typer.Option("--retained-only", help="Only the retained ones; ends at the first that is not.")
    ] = False,
    subscribe_only: Annotated[bool, typer.Option("-E", "--subscribe-only", help="End once subscribed.")] = False,
) -> None:
    """Subscribe and print what arrives, until Ctrl-C."""
    from mqtt_sim.command import listening
    from mqtt_sim.command.message_format import parse_format
    from mqtt_sim.errors import UsageError

    address, options = flags.address(), flags.options()
    filters = [*(topics or []), *(words or []), *([flags.topic_of_url] if flags.topic_of_url else [])]
    if not filters:
        raise UsageError("say what to listen to: --topic FILTER")
    if sum((form is not None, json, verbose)) > 1:
        raise UsageError("--format, --json and --verbose each say how to print; give one of them")
    if no_retained and retained_only:
        raise UsageError("-R leaves out the retained messages, --retained-only all others; give one of them")
    shown = form if form is not None else "%j" if json else "%t %p" if verbose else "%p"
    wishes = listening.Wishes(
        filters=filters,
        filter_out=filter_out or [],
        qos=qos,
        count=count,
        timeout=timeout,
        show=parse_format(shown),
        end=b"" if no_newline else b"\n",
        no_retained=no_retained,
        retained_only=retained_only,
        subscribe_only=subscribe_only,
        properties=flags.properties_of("subscribe"),
    )
    listening.listen(address, options, wishes)
