"""`mqtt-sim consume`: prints a dialogue as it is spoken, `CHARACTER: text`."""

from __future__ import annotations

from typing import Annotated

import typer

from mqtt_sim.command.client_flags import ClientCommand, ClientFlags, with_client_flags
from mqtt_sim.command.ending import ends_with_exit_code, epilog

app = typer.Typer(add_completion=False)


@app.command(
    cls=ClientCommand,
    epilog=epilog(
        "mqtt-sim consume",
        "mqtt-sim consume --topic StarWars -h test.mosquitto.org --json",
        "mqtt-sim consume -t 'StarWars/#' -v -C 10 -W 60",
    ),
)
@ends_with_exit_code
@with_client_flags
def consume_command(
    flags: ClientFlags,
    topics: Annotated[
        list[str] | None,
        typer.Option("--topic", "-t", help="Topic filter. Repeatable. Default: StarWars", show_default=False),
    ] = None,
    qos: Annotated[int, typer.Option("--qos", "-q", min=0, max=2, help="Highest QoS wanted.")] = 0,
    count: Annotated[
        int | None, typer.Option("-C", "--count", min=1, metavar="N", help="End after N messages.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("-W", "--timeout", min=0, metavar="SECONDS", help="End after this time.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with topic and receiveTime.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Topic before the line.")] = False,
    embedded: Annotated[bool, typer.Option("--embedded", help="Start a broker here; -p is its port.")] = False,
) -> None:
    """Print a dialogue as it is spoken: the consumer of the tutorial."""
    from mqtt_sim.command import listening, spoken
    from mqtt_sim.command.embedded import broker_here
    from mqtt_sim.command.producing import TOPIC
    from mqtt_sim.errors import UsageError

    if json and verbose:
        raise UsageError("--json and --verbose each say how to print; give one of them")
    show = spoken.show_json if json else spoken.show_with_topic if verbose else spoken.show_spoken
    with broker_here(flags, wanted=embedded) as address:
        filters = topics or [flags.topic_of_url or TOPIC]
        wishes = listening.Wishes(filters=filters, show=show, qos=qos, count=count, timeout=timeout)
        listening.listen(address, flags.options(), wishes)
