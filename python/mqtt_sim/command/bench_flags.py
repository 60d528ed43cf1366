"""The flags of `bench`: letters, words and usual values of emqtt-bench, and how the run itself is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

TLS, RUN = "TLS and WebSocket", "The run"

_SWITCHES = {
    ("-C", "--clean"): "--no-clean",
    ("-S", "--ssl"): "--no-ssl",
    ("--ws",): "--no-ws",
    ("-r", "--retain"): "--no-retain",
    ("-w", "--wait-before-publishing"): "-w",
    ("-l", "--lowmem"): "-l",
}
"""Switches that emqtt-bench lets be followed by true or false, and how we say false."""


def _option(*names: str, **details: Any) -> Any:
    return typer.Option(*names, show_default=details.pop("show_default", False), **details)


def _run(*names: str, **details: Any) -> Any:
    return _option(*names, rich_help_panel=RUN, **details)


@dataclass
class BenchFlags:
    """Of every bench; None where nothing was given and the bench has a value of its own."""

    host: Annotated[
        str | None,
        _option("--host", "-h", envvar="MQTT_SIM_HOST", help="An outside broker. Without host or port: the embedded."),
    ] = None
    port: Annotated[
        int | None,
        _option("--port", "-p", envvar="MQTT_SIM_PORT", min=1, max=65_535, help="1883, TLS 8883, ws 8083, wss 8084"),
    ] = None
    broker: Annotated[
        str | None, _option("--broker", metavar="URL", help="The same in one: mqtt://user:password@host:1883")
    ] = None
    version: Annotated[str, _option("--version", "-V", metavar="3|4|5", help="Of MQTT.", show_default=True)] = "5"
    count: Annotated[int, _option("--count", "-c", min=1, help="How many clients.", show_default=True)] = 200
    start_number: Annotated[
        int, _option("--startnumber", "-n", min=0, max=999_999_999, help="Indexes begin after it.")
    ] = 0
    interval: Annotated[
        float, _option("--interval", "-i", min=0, metavar="MS", help="Between connections.", show_default=True)
    ] = 10
    connect_rate: Annotated[
        float, _option("--connrate", "-R", min=0, metavar="PER_S", help="Connections a second, instead of -i.")
    ] = 0
    username: Annotated[str | None, _option("--username", "-u", envvar="MQTT_SIM_USERNAME", help="Of all.")] = None
    password: Annotated[
        str | None, _option("--password", "-P", envvar="MQTT_SIM_PASSWORD", help="Better by the variable.")
    ] = None
    keep_alive: Annotated[int, _option("--keepalive", "-k", min=0, metavar="S", help="Seconds.", show_default=True)] = (
        300
    )
    clean: Annotated[bool, _option("--clean/--no-clean", "-C", help="Begin without an old session.")] = True
    session_expiry: Annotated[
        int, _option("--session-expiry", "-x", min=0, metavar="S", help="How long the broker keeps sessions.")
    ] = 0
    source_addresses: Annotated[
        str | None, _option("--ifaddr", metavar="IP,IP", help="Local addresses to connect from.")
    ] = None
    prefix: Annotated[str | None, _option("--prefix", help="Of client ids: PREFIX_bench_pub_1, ...")] = None
    low_memory: Annotated[bool, typer.Option("--lowmem", "-l", hidden=True)] = False
    ssl: Annotated[bool, _option("--ssl/--no-ssl", "-S", rich_help_panel=TLS, help="Over TLS.")] = False
    ca: Annotated[
        str | None, _option("--cacertfile", metavar="FILE", rich_help_panel=TLS, help="Authorities to trust.")
    ] = None
    certificate: Annotated[
        str | None, _option("--certfile", metavar="FILE", rich_help_panel=TLS, help="Our certificate.")
    ] = None
    key: Annotated[str | None, _option("--keyfile", metavar="FILE", rich_help_panel=TLS, help="Its key.")] = None
    insecure: Annotated[
        bool, _option("--insecure", rich_help_panel=TLS, help="Take any certificate, as emqtt-bench does.")
    ] = False
    ws: Annotated[bool, _option("--ws/--no-ws", rich_help_panel=TLS, help="Over WebSocket.")] = False
    duration: Annotated[
        str | None, _run("--duration", "-z", metavar="TIME", help="How long, once all are connected: 10s, 5m")
    ] = None
    sim: Annotated[bool, _run("--sim", help="In virtual time: no sockets, no waiting.")] = False
    seed: Annotated[int, _run("--seed", min=0, metavar="N", help="Of schedules and payloads.")] = 1
    settings: Annotated[
        list[str] | None, _run("--set", metavar="PATH=VALUE", help="Change any field of the scenario. Repeatable.")
    ] = None
    json_file: Annotated[str | None, _run("--json", metavar="FILE", help="Write the report as JSON.")] = None
    no_live: Annotated[bool, _run("--no-live", help="Plain lines instead of the live view.")] = False
    quiet: Annotated[bool, _run("--quiet", help="Only the summary.")] = False
    print_config: Annotated[
        bool, _run("--print-config", help="Print the scenario that the flags mean, ready for `mqtt-sim run`, and exit.")
    ] = False


@dataclass
class SendingFlags(BenchFlags):
    """And of those that publish."""

    topic: Annotated[
        str | None, _option("--topic", "-t", help="Where to; %i index, %c client id, %u user name in it.")
    ] = None
    size: Annotated[int, _option("--size", "-s", min=0, help="Bytes of a message.", show_default=True)] = 256
    message: Annotated[
        str | None, _option("--message", "-m", help="Text instead, %s: its number; or template://FILE")
    ] = None
    qos: Annotated[int | None, _option("--qos", "-q", min=0, max=2, help="0, 1 or 2. Default: 0")] = None
    retain: Annotated[bool, _option("--retain/--no-retain", "-r", help="Retained by the broker.")] = False
    message_interval: Annotated[
        float | None,
        _option(
            "--interval_of_msg",
            "--interval-of-msg",
            "-I",
            min=0,
            metavar="MS",
            help="Between messages of a client; 0: at once.",
        ),
    ] = None
    limit: Annotated[int, _option("--limit", "-L", min=0, help="Messages of all clients together; 0: no limit.")] = 0
    in_flight: Annotated[int | None, _option("--inflight", "-F", min=1, max=65_535, help="Unanswered messages.")] = None
    wait: Annotated[
        bool, _option("--wait-before-publishing", "-w", help="Until all are connected: here it is always so.")
    ] = False


@dataclass
class ListeningFlags(BenchFlags):
    """And of `bench sub`."""

    topics: Annotated[
        list[str] | None, _option("--topic", "-t", help="Topic filter; %i, %c, %u as in pub. Repeatable.")
    ] = None
    qos: Annotated[int, _option("--qos", "-q", min=0, max=2, help="0, 1 or 2.", show_default=True)] = 0
    feed: Annotated[
        bool | None,
        _option("--feed/--no-feed", help="Also publish what they hear. Default: with the embedded broker."),
    ] = None
    size: Annotated[int, _option("--size", "-s", min=0, help="Bytes of a fed message.", show_default=True)] = 256
    message_interval: Annotated[
        float, _option("--interval_of_msg", "--interval-of-msg", "-I", min=0, metavar="MS", help="Of the feed.")
    ] = 1000


class BenchCommand(TyperCommand):
    """A command whose switches may be followed by true or false."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Turns `--clean false` into `--no-clean`."""
        return super().parse_args(ctx, without_words(args))


def without_words(arguments: Sequence[str]) -> list[str]:
    """`-C false -S true` as `--no-clean -S`."""
    plain: list[str] = []
    negative = {name: no for names, no in _SWITCHES.items() for name in names}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        name, separator, word = argument.partition("=")
        if name not in negative:
            plain.append(argument)
            continue
        if not separator:
            word = rest.pop(0) if rest and rest[0] in ("true", "false") else "true"
        plain.append(negative[name] if word == "false" else name)
    return plain
