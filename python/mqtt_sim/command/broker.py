"""`mqtt-sim broker`: the options of the embedded broker when it runs alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from mqtt_sim.command.client_flags import with_flags
from mqtt_sim.command.ending import ends_with_exit_code, epilog
from mqtt_sim.command.mosca_flags import MoscaFlags, mosca_options

app = typer.Typer(add_completion=False)


@app.command(
    "broker",
    epilog=epilog(
        "mqtt-sim broker --port 1883",
        "mqtt-sim broker --host 0.0.0.0 --users passwords.txt --acl acl.txt --no-anonymous",
        "mqtt-sim broker --listen mqtt://127.0.0.1:1883 --listen wss://127.0.0.1:8884/mqtt --certs certs",
        "mqtt-sim broker -c broker.json --set max_queued=1000 -v",
        "mqtt-sim broker --profile public-test --base-port 10000 --certs certs",
    ),
)
@ends_with_exit_code
@with_flags(MoscaFlags)
def broker_command(
    context: typer.Context,
    flags: MoscaFlags,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            "-p",
            envvar="MQTT_SIM_BROKER_PORT",
            min=0,
            max=65_535,
            help="0: any free one. Default: 1883",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option("--host", envvar="MQTT_SIM_BROKER_HOST", help="Address to listen on. Default: 127.0.0.1"),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            "-c",
            envvar="MQTT_SIM_BROKER_CONFIG",
            metavar="FILE",
            help="JSON, as the `broker` of a scenario.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change any option; may be given several times."),
    ] = None,
    users: Annotated[
        str | None,
        typer.Option(
            "--users", envvar="MQTT_SIM_BROKER_USERS", metavar="FILE", help="Password file of mosquitto_passwd."
        ),
    ] = None,
    acl: Annotated[
        str | None,
        typer.Option(
            "--acl", envvar="MQTT_SIM_BROKER_ACL", metavar="FILE", help="Access rights in Mosquitto's format."
        ),
    ] = None,
    allow_anonymous: Annotated[
        bool | None,
        typer.Option(
            "--allow-anonymous/--no-anonymous",
            help="Whether clients may give no user name; to be said where other machines can come in.",
            show_default=False,
        ),
    ] = None,
    listen: Annotated[
        list[str] | None,
        typer.Option(
            "--listen",
            envvar="MQTT_SIM_BROKER_LISTEN",
            metavar="URL",
            help="Instead of --port, several times: mqtt, mqtts, ws, wss, http, https or mqtt+unix URL.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            envvar="MQTT_SIM_BROKER_PROFILE",
            metavar="NAME",
            help="Behave like another system: diffusion or mosca; public-test: have the ports of test.mosquitto.org.",
        ),
    ] = None,
    base_port: Annotated[
        int | None,
        typer.Option(
            "--base-port",
            envvar="MQTT_SIM_BROKER_BASE_PORT",
            metavar="N",
            help="The first of the 11 ports of public-test; 0: any free ones. Default: those of that host",
        ),
    ] = None,
    certs: Annotated[
        str | None,
        typer.Option(
            "--certs",
            envvar="MQTT_SIM_BROKER_CERTS",
            metavar="DIR",
            help="Certificates as `mqtt-sim certs` makes them; made there when there are none.",
        ),
    ] = None,
    require_certificate: Annotated[
        bool,
        typer.Option("--require-certificate", help="Clients must show a certificate of the CA in --certs."),
    ] = False,
    write_ca: Annotated[
        str | None,
        typer.Option(
            "--write-ca",
            envvar="MQTT_SIM_BROKER_WRITE_CA",
            metavar="FILE",
            help="Where clients find the CA of the certificate that is made at each start.",
        ),
    ] = None,
    max_connections: Annotated[
        int | None,
        typer.Option(
            "--max-connections", envvar="MQTT_SIM_BROKER_MAX_CONNECTIONS", metavar="N", help="Clients at a time."
        ),
    ] = None,
    sys_interval: Annotated[
        str | None,
        typer.Option(
            "--sys-interval",
            envvar="MQTT_SIM_BROKER_SYS_INTERVAL",
            metavar="TIME",
            help="Of the $SYS topics; 0s: none. Default: 10s",
        ),
    ] = None,
    log_level: Annotated[
        str | None,
        typer.Option(
            "--log-level",
            envvar="MQTT_SIM_BROKER_LOG_LEVEL",
            metavar="LEVEL",
            help="Events on standard error: error, warning, info or debug. Default: off",
        ),
    ] = None,
    log_format: Annotated[
        str | None,
        typer.Option("--log-format", envvar="MQTT_SIM_BROKER_LOG_FORMAT", metavar="FORM", help="text or json."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="A line of counts every second.")] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the options with all defaults filled in, and exit.")
    ] = False,
) -> None:
    """Run the embedded broker alone, until Ctrl-C. SIGHUP reads users, rights and certificates again."""
    from mqtt_sim import broker_command as command
    from mqtt_sim.errors import ScenarioError

    options = {
        "port": port,
        "host": host,
        "users_file": users,
        "acl_file": acl,
        "allow_anonymous": allow_anonymous,
        "profile": profile,
        "max_connections": max_connections,
        "log_level": log_level,
        "log_format": log_format,
    }
    interval = [] if sys_interval is None else [f"sys_interval={sys_interval}"]
    options |= _certified(options, base_port, certs)
    options |= _ways_in(options, listen or [], certs, require_certificate=require_certificate)
    options |= _as_mosca(flags, options)
    broker, announcements = command.settings_of(config, options, interval + (settings or []))
    announcements.broker_id = flags.broker_id or announcements.broker_id
    if print_config:
        from mqtt_sim.command.option_origin import origin_table, origins

        typer.echo(f"OPTIONS\n{origin_table(list(origins(context)))}\n", err=True)
        command.print_settings(broker)
    else:
        given = [name for name, value in options.items() if value is not None]
        try:
            command.serve(broker, announcements, verbose=verbose, ca_file=write_ca)
        except ScenarioError as error:
            raise command.located(error, config, given + [text.partition("=")[0] for text in settings or []]) from None


def _as_mosca(flags: MoscaFlags, options: Mapping[str, Any]) -> dict[str, Any]:
    """What mosca's flags add to the options."""
    from mqtt_sim.errors import UsageError

    added = mosca_options(flags, options["port"])
    if "listeners" not in added:
        return added
    if "listeners" in options or "tls" in options:
        raise UsageError(
            f"{flags.given[0]}: opens ports of its own; leave out --listen, --certs and public-test beside it"
        )
    return {"port": None, **added}


def _certified(options: Mapping[str, Any], base_port: int | None, certs: str | None) -> dict[str, Any]:
    """What --base-port, --certs and the profile public-test add to the options."""
    from mqtt_sim.certificates import ensure_certificates, tls_of
    from mqtt_sim.errors import UsageError
    from mqtt_sim.public_test import PROFILE, public_test_options

    names = [host] if (host := options["host"]) and host not in ("0.0.0.0", "::") else []
    if options["profile"] == PROFILE:
        if options["port"] is not None:
            raise UsageError(f"--port {options['port']}: the profile {PROFILE} has 11 ports; say --base-port N")
        ports = public_test_options(base_port=base_port, certificates=certs, names=names)
        given = {name: value for name, value in options.items() if value is not None}
        return ports | given | {"profile": None}
    if base_port is not None:
        raise UsageError(f"--base-port {base_port}: is for --profile {PROFILE} only; say --port")
    if certs is None:
        return {}
    ensure_certificates(certs, names=names)
    return {"tls": tls_of(certs), "plain_beside_tls": True}


def _ways_in(
    options: Mapping[str, Any], urls: Sequence[str], certs: str | None, *, require_certificate: bool
) -> dict[str, Any]:
    """What --listen and --require-certificate add to the options."""
    from mqtt_sim.certificates import certificate_path
    from mqtt_sim.errors import UsageError
    from mqtt_sim.scenario.listen_url import parse_listen_url

    changes: dict[str, Any] = {}
    tls = options.get("tls", "auto")
    if require_certificate:
        if certs is None or "tls" not in options:
            raise UsageError("--require-certificate: needs --certs DIR, whose ca.pem says whose certificates are good")
        tls = {**tls, "client_certificate": "required", "ca": str(certificate_path(certs, "ca"))}
        changes = {"tls": tls, "plain_beside_tls": False}
    if not urls:
        return changes
    if "listeners" in options:
        raise UsageError(f"--listen {urls[0]}: the profile public-test has ports of its own")
    listeners = []
    for url in urls:
        try:
            listeners.append(parse_listen_url(url, tls))
        except ValueError as error:
            raise UsageError(f"--listen {url}: {error}") from None
    return {"listeners": listeners, "tls": None, "plain_beside_tls": None}
