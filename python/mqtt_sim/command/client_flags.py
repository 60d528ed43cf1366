"""The flags of `pub` and `sub` that say how to connect: those of mosquitto_pub and of MQTT.js, in their letters.

`@with_client_flags` gives a command all of them as one argument, `flags`.
"""

from __future__ import annotations

import functools
import inspect
import os
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlsplit

import typer
from typer.core import TyperCommand

from mqtt_sim.errors import UsageError

SEPARATOR = "\x1f"
_VERSIONS = {
    **dict.fromkeys(("3", "31", "3.1", "mqttv31"), "3.1"),
    **dict.fromkeys(("4", "311", "3.1.1", "mqttv311"), "3.1.1"),
    **dict.fromkeys(("5", "5.0", "mqttv5"), "5.0"),
}
_SCHEMES = ("mqtt", "mqtts", "ws", "wss")
_PROPERTY_COMMANDS = ("connect", "publish", "subscribe", "will")

TLS, WILL = "TLS", "Will"


def _option(*names: str, **details: Any) -> Any:
    return typer.Option(*names, show_default=False, **details)


@dataclass
class ClientFlags:
    """What was given; None or empty where nothing was."""

    url: Annotated[
        str | None, _option("--url", "-L", metavar="URL", help="mqtt://user:password@host/topic; before host and port.")
    ] = None
    host: Annotated[
        str | None, _option("--host", "--hostname", "-h", envvar="MQTT_SIM_HOST", help="Default: localhost")
    ] = None
    port: Annotated[
        int | None, _option("--port", "-p", envvar="MQTT_SIM_PORT", min=1, max=65_535, help="Default: the protocol's.")
    ] = None
    protocol: Annotated[str | None, _option("--protocol", metavar="|".join(_SCHEMES), help="Default: mqtt")] = None
    unix: Annotated[str | None, _option("--unix", metavar="FILE", help="A Unix socket instead of host and port.")] = (
        None
    )
    version: Annotated[
        str | None, _option("--protocol-version", "-V", metavar="3.1|3.1.1|5.0", help="Or mqttv31, mqttv311, mqttv5.")
    ] = None
    client_id: Annotated[str | None, _option("--id", "--client-id", "-i", help="Default: a made-up one.")] = None
    username: Annotated[str | None, _option("--username", "-u", envvar="MQTT_SIM_USERNAME", help="User name.")] = None
    password: Annotated[
        str | None, _option("--pw", "--password", "-P", envvar="MQTT_SIM_PASSWORD", help="Better by the variable.")
    ] = None
    keep_alive: Annotated[int | None, _option("--keepalive", "-k", min=0, max=65_535, help="Seconds.")] = None
    no_clean: Annotated[
        bool, _option("--no-clean", "--disable-clean-session", "-c", help="Continue the session of this client id.")
    ] = False
    session_expiry: Annotated[
        str | None, _option("--session-expiry-interval", "-x", metavar="SECONDS", help="-1: never. MQTT 5.0.")
    ] = None
    properties: Annotated[
        list[str] | None,
        _option("--property", "-D", metavar="COMMAND NAME VALUE", help="-D publish content-type text/plain; MQTT 5.0."),
    ] = None
    ca: Annotated[
        str | None,
        _option(
            "--cafile",
            "--ca",
            envvar="MQTT_SIM_CAFILE",
            metavar="FILE",
            rich_help_panel=TLS,
            help="Authorities to trust.",
        ),
    ] = None
    cert: Annotated[str | None, _option("--cert", metavar="FILE", rich_help_panel=TLS, help="Our certificate.")] = None
    key: Annotated[str | None, _option("--key", metavar="FILE", rich_help_panel=TLS, help="Its key.")] = None
    insecure: Annotated[
        bool, _option("--insecure", rich_help_panel=TLS, help="Take any certificate. Only for tests.")
    ] = False
    proxy: Annotated[
        str | None, _option("--proxy", metavar="URL", help="socks5://user:password@host:port, socks5h:// or http://.")
    ] = None
    will_topic: Annotated[str | None, _option("--will-topic", rich_help_panel=WILL, help="Where it goes.")] = None
    will_payload: Annotated[
        str | None, _option("--will-payload", "--will-message", rich_help_panel=WILL, help="Default: empty.")
    ] = None
    will_qos: Annotated[int | None, _option("--will-qos", min=0, max=2, rich_help_panel=WILL, help="0, 1 or 2.")] = None
    will_retain: Annotated[bool, _option("--will-retain", rich_help_panel=WILL, help="Retained.")] = False
    topic_of_url: str | None = field(default=None, init=False)

    def address(self) -> str:
        """The URL of the broker. Raises UsageError."""
        if self.url is not None:
            return self._address_of_url(self.url)
        if self.unix is not None:
            return f"mqtt+unix://{quote(os.path.abspath(self.unix))}"
        scheme = self.protocol or ("mqtts" if self.ca or self.cert or self.insecure else "mqtt")
        if scheme not in _SCHEMES:
            raise UsageError(f"--protocol {scheme}: should be one of {', '.join(_SCHEMES)}")
        host = self.host or "localhost"
        place = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return f"{scheme}://{place}" + (f":{self.port}" if self.port else "")

    def _address_of_url(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme in ("mqtt", "mqtts", "tcp", "tls", "ssl") and parts.netloc and len(parts.path) > 1:
            self.topic_of_url = unquote(parts.path[1:])
            return parts._replace(path="", query="", fragment="").geturl()
        return url

    def options(self) -> dict[str, Any]:
        """The same in the keywords of mqtt_sim.Client. Raises UsageError."""
        connect, will = self.properties_of("connect"), self.properties_of("will")
        expiry = self._session_expiry()
        options: dict[str, Any] = {
            "protocol_version": self._version(),
            "client_id": self.client_id,
            "username": self.username,
            "password": self.password,
            "keep_alive": self.keep_alive,
            "session_expiry_interval": connect.pop("session_expiry_interval", expiry),
            "receive_maximum": connect.pop("receive_maximum", None),
            "maximum_packet_size": connect.pop("maximum_packet_size", None),
            "topic_alias_maximum": connect.pop("topic_alias_maximum", None),
            "user_properties": dict(connect.pop("user_property", ())) or None,
            "clean_start": False if self.no_clean else None,
            "tls": self._tls(),
            "proxy": self.proxy,
            "will": self._will(will),
        }
        if connect:
            raise UsageError(f"-D connect {next(iter(connect)).replace('_', '-')}: cannot be set for CONNECT")
        return {name: value for name, value in options.items() if value is not None}

    def properties_of(self, command: str) -> dict[str, Any]:
        """What `-D` says of this packet. Raises UsageError."""
        from mqtt_sim.command.property_flags import read_properties

        return read_properties(self.properties or [], command)

    def _version(self) -> str | None:
        if self.version is None:
            return "5.0" if self.properties or self.session_expiry is not None else None
        if self.version not in _VERSIONS:
            raise UsageError(f"-V {self.version}: should be mqttv31, mqttv311 or mqttv5")
        return _VERSIONS[self.version]

    def _session_expiry(self) -> int | None:
        if self.session_expiry is None:
            return 4_294_967_295 if self.no_clean and self._version() == "5.0" else None
        if self.session_expiry in ("-1", "∞"):
            return 4_294_967_295
        if not self.session_expiry.isdecimal():
            raise UsageError(
                f"-x {self.session_expiry}: should be a number of seconds, or -1 for a session without end"
            )
        return int(self.session_expiry)

    def _tls(self) -> dict[str, Any] | None:
        tls = {"ca": [self.ca] if self.ca else None, "certificate": self.cert, "key": self.key}
        given = {name: value for name, value in tls.items() if value is not None}
        return {**given, **({"reject_unauthorized": False} if self.insecure else {})} or None

    def _will(self, properties: dict[str, Any]) -> dict[str, Any] | None:
        if self.will_topic is None:
            if self.will_payload is not None or self.will_qos is not None or self.will_retain or properties:
                raise UsageError("a will needs its topic: --will-topic TOPIC")
            return None
        delay = properties.pop("will_delay_interval", 0)
        will: dict[str, Any] = {"topic": self.will_topic, "payload": self.will_payload or ""}
        will |= {"qos": self.will_qos or 0, "retain": self.will_retain}
        return will | ({"delay": delay} if delay else {}) | ({"properties": properties} if properties else {})


def with_flags(kind: type[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The command with every field of the dataclass beside its own options, in place of its argument `flags`."""
    return functools.partial(_with_flags, kind)


def _with_flags(kind: type[Any], command: Callable[..., Any]) -> Callable[..., Any]:
    shared = [one for one in fields(kind) if one.init]
    hints = typing.get_type_hints(kind, include_extras=True)
    own = inspect.signature(command, eval_str=True)
    names = {one.name for one in shared}

    @functools.wraps(command)
    def with_them(**arguments: Any) -> Any:
        given = {name: arguments.pop(name) for name in names}
        return command(flags=kind(**given), **arguments)

    parameters = [one for one in own.parameters.values() if one.name != "flags"]
    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    parameters += [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name])
        for one in shared
    ]
    with_them.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_them.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": None}
    return with_them


with_client_flags = with_flags(ClientFlags)


class ClientCommand(TyperCommand):
    """A command whose `-D COMMAND NAME VALUE` takes three words, or four for a user property."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Joins those words into one."""
        return super().parse_args(ctx, join_properties(args))


def join_properties(arguments: Sequence[str]) -> list[str]:
    """`-D publish user-property a b` as `-D` and one word. Raises UsageError when words are missing."""
    joined: list[str] = []
    rest = list(arguments)
    while rest:
        joined.append(rest.pop(0))
        if joined[-1] == "--":
            return joined + rest
        if joined[-1] in ("-D", "--property"):
            count = 4 if len(rest) > 1 and rest[1] == "user-property" else 3
            if len(rest) < count or rest[0] not in _PROPERTY_COMMANDS:
                raise typer.BadParameter(f"-D takes {' or '.join(_PROPERTY_COMMANDS)}, a property's name and its value")
            joined.append(SEPARATOR.join(rest[:count]))
            del rest[:count]
    return joined
