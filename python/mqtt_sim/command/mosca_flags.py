"""The flags of mosca's command on `mqtt-sim broker`: each becomes a setting of its, or says what there is instead."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from mqtt_sim.errors import ScenarioError, UsageError

PANEL = "As mosca has them"

_ELSEWHERE = {
    "credentials": "mosca's file of users cannot be read; make one with mqtt-sim adduser, and say --users FILE",
    "db": "sessions and retained messages are kept in memory, as long as the broker runs; leave it out",
    "parent_host": "brokers are not joined; leave it out, and let clients of both reach this one",
    "parent_port": "brokers are not joined; leave it out, and let clients of both reach this one",
    "parent_prefix": "brokers are not joined; leave it out, and let clients of both reach this one",
    "authorize_publish": "say it to mqtt-sim adduser, as --publish with --acl FILE",
    "authorize_subscribe": "say it to mqtt-sim adduser, as --subscribe with --acl FILE",
}


def _flag(*names: str, **details: Any) -> Any:
    return typer.Option(*names, rich_help_panel=PANEL, show_default=False, **details)


def _elsewhere(*names: str) -> Any:
    return typer.Option(*names, hidden=True)


@dataclass
class MoscaFlags:
    """What was given of them; None or False where nothing was."""

    key: Annotated[str | None, _flag("--key", metavar="FILE", help="The private key; with --cert mqtts at 8883.")] = (
        None
    )
    cert: Annotated[str | None, _flag("--cert", metavar="FILE", help="The certificate; plain MQTT is closed then.")] = (
        None
    )
    secure_port: Annotated[int | None, _flag("--secure-port", min=0, max=65_535, help="Instead of 8883.")] = None
    non_secure: Annotated[bool, _flag("--non-secure", help="Plain MQTT beside mqtts.")] = False
    http_port: Annotated[
        int | None, _flag("--http-port", min=0, max=65_535, help="WebSocket and pages on a port of their own.")
    ] = None
    https_port: Annotated[
        int | None, _flag("--https-port", min=0, max=65_535, help="The same over TLS, with --key and --cert.")
    ] = None
    http_static: Annotated[str | None, _flag("--http-static", metavar="DIR", help="Files to serve beside them.")] = None
    https_static: Annotated[str | None, _flag("--https-static", metavar="DIR", help="The same over TLS.")] = None
    http_bundle: Annotated[bool, _flag("--http-bundle", help="Our client for browsers at /mqtt.js.")] = False
    https_bundle: Annotated[bool, _flag("--https-bundle", help="The same over TLS.")] = False
    only_http: Annotated[bool, _flag("--only-http", help="No plain MQTT and no mqtts; WebSocket at 3000.")] = False
    broker_id: Annotated[str | None, _flag("--broker-id", metavar="ID", help="Broker.id, also in announcements.")] = (
        None
    )
    disable_stats: Annotated[bool, _flag("--disable-stats", help="No $SYS topics.")] = False
    very_verbose: Annotated[bool, _flag("--very-verbose", help="--log-level debug.")] = False
    credentials: Annotated[str | None, _elsewhere("--credentials")] = None
    db: Annotated[str | None, _elsewhere("--db", "-d")] = None
    parent_host: Annotated[str | None, _elsewhere("--parent-host")] = None
    parent_port: Annotated[str | None, _elsewhere("--parent-port")] = None
    parent_prefix: Annotated[str | None, _elsewhere("--parent-prefix")] = None
    authorize_publish: Annotated[str | None, _elsewhere("--authorize-publish")] = None
    authorize_subscribe: Annotated[str | None, _elsewhere("--authorize-subscribe")] = None

    @property
    def given(self) -> list[str]:
        """The flags that were, by their names."""
        return [
            f"--{one.name.replace('_', '-')}" for one in fields(self) if getattr(self, one.name) not in (None, False)
        ]


def mosca_options(flags: MoscaFlags, port: int | None) -> dict[str, Any]:
    """The options of EmbeddedBroker that they stand for; `listeners` among them where they name several ways in."""
    from mqtt_sim.mosca_settings import from_mosca

    for name, remedy in _ELSEWHERE.items():
        if getattr(flags, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')}: {remedy}")
    settings = _settings(flags)
    if port is not None and settings:
        settings["port"] = port
    try:
        options, _ = from_mosca(settings)
    except ScenarioError as error:
        raise UsageError(f"{flags.given[0]}: {error.remedy}") from None
    return options


def _settings(flags: MoscaFlags) -> dict[str, Any]:
    """As mosca takes them in a program."""
    settings: dict[str, Any] = {}
    if flags.key or flags.cert or flags.secure_port is not None or flags.non_secure or flags.https_port is not None:
        if not (flags.key and flags.cert):
            raise UsageError(f"{flags.given[0]}: needs --key FILE and --cert FILE")
        settings["credentials"] = {"keyPath": flags.key, "certPath": flags.cert}
        settings["secure"] = {} if flags.secure_port is None else {"port": flags.secure_port}
        settings["allowNonSecure"] = flags.non_secure
    if http := _web(flags.http_port, flags.http_static, bundle=flags.http_bundle):
        settings["http"] = http
    if flags.only_http:
        settings["onlyHttp"] = True
        settings["http"] = {"port": 3000, **settings.get("http", {})}
    if https := _web(flags.https_port, flags.https_static, bundle=flags.https_bundle):
        if flags.https_port is None:
            raise UsageError("--https-static, --https-bundle: need --https-port N")
        settings["https"] = https
    if flags.disable_stats:
        settings["stats"] = False
    if flags.very_verbose:
        settings["logger"] = {"level": "debug"}
    return settings


def _web(port: int | None, static: str | None, *, bundle: bool) -> dict[str, Any]:
    said = {"port": port, "static": static, "bundle": bundle or None}
    return {name: value for name, value in said.items() if value is not None}
