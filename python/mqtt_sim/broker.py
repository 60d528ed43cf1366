"""The embedded broker on its own:

with mqtt_sim.Broker() as broker:
    print(broker.url)
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from mqtt_sim.debug import watch
from mqtt_sim.engine import EngineBroker
from mqtt_sim.errors import ClientClosed, CouldNotRun, UsageError
from mqtt_sim.inside.desk import Desk
from mqtt_sim.inside.hooks import HOOKS, hook_name
from mqtt_sim.inside.log import begin_to_log
from mqtt_sim.inside.surface import Inside, read_desk_options
from mqtt_sim.mosca_settings import from_mosca
from mqtt_sim.scenario.embedded_broker import EmbeddedBroker
from mqtt_sim.scenario.listener import WayIn
from mqtt_sim.scenario.load import validate_embedded_broker
from mqtt_sim.scenario.page import page_listener, page_url
from mqtt_sim.version import __version__

SYS_INTERVAL_S = 10.0
"""Between publications of the $SYS topics, unless the settings say otherwise. In a scenario they are off."""

_ALIASES = {"tcp": "mqtt", "tls": "mqtts", "ssl": "mqtts", "unix": "mqtt+unix"}


class Broker(Inside):
    """An MQTT broker in this process, in memory; unless told otherwise at one port, for MQTT, TLS and WebSocket.

    Takes the fields of EmbeddedBroker by name, or one that is ready: `Broker(port=1883, max_connections=100)`; mosca's
    settings as well, by name or as one dictionary. Beside them: hooks by their names, `event_queue` and `event_policy`
    ("drop_oldest", "drop_newest") for events that handlers are too slow for, `hook_timeout` in seconds. Raises
    ScenarioError, which names the nearest field, for one that there is not, and for a users or ACL file that is wrong.

    As a context manager it listens, and stops at the end: `with` calls handlers on a thread of the broker's own,
    `async with` on the event loop.
    """

    def __init__(self, settings: EmbeddedBroker | Mapping[str, Any] | None = None, /, **options: Any) -> None:
        if isinstance(settings, Mapping):
            options = {**settings, **options}
            settings = None
        if settings is not None and not isinstance(settings, EmbeddedBroker):
            raise UsageError(
                f"Broker: settings should be an EmbeddedBroker or a dictionary, found {settings!r}; single ones go by "
                "name: Broker(port=1883)"
            )
        desk_options = read_desk_options(options)
        hooks = {name: options.pop(name) for name in list(options) if _is_hook(name)}
        options, announcements = from_mosca(options)
        self.id = announcements.broker_id or secrets.token_hex(4)
        """Of this broker; unless the settings say otherwise, of no other."""
        if settings is None or options:
            given = settings.model_dump(exclude_unset=True) if settings else {}
            texts = {name: os.fspath(value) for name, value in options.items() if isinstance(value, os.PathLike)}
            settings = validate_embedded_broker({**given, **options, **texts}, "Broker")
        if "sys_interval" not in settings.model_fields_set:
            settings = settings.model_copy(update={"sys_interval": SYS_INTERVAL_S})
        self.settings = settings
        self._ports = [way.port for way in self._ways_in]
        self._engine = EngineBroker(settings.to_core(), **desk_options)
        self._state = "new"
        self._desk = Desk(self._engine.core, self, desk_options["hook_timeout_s"])
        for name, function in hooks.items():
            self.hook(name, function)
        announcements.attach(self)
        if settings.log_level != "off":
            begin_to_log(self, settings.log_level)
        watch(self)

    def start(self) -> Broker:
        """Listens. Raises CouldNotRun when a port is taken or an address is not of this machine; only once."""
        return self._start(None)

    def _start(self, loop: asyncio.AbstractEventLoop | None) -> Broker:
        self._check_process()
        try:
            self._ports = self._engine.start()
        except CouldNotRun as error:
            self._desk.tell("error", error)
            raise
        self._state = "running"
        self._desk.start(loop)
        return self

    def stop(self) -> None:
        """Tells every client that the server shuts down, and frees the ports; takes less than 2 seconds.

        Events until then are still told, and "closed" at the end. Also in handlers; a second time it does nothing.
        """
        self._check_process()
        self._engine.stop()
        if self._state != "closed":
            self._state = "closed"
            self._desk.end()

    @property
    def closed(self) -> bool:
        """Whether it was stopped."""
        return self._state == "closed"

    @property
    def version(self) -> str:
        """Of mqtt-sim."""
        return __version__

    def _check_process(self) -> None:
        if self._desk.is_lost:
            raise ClientClosed("the broker runs in the process that this one was forked from")

    def reload(self) -> None:
        """Reads users, rights, certificates and keys from their files again.

        Clients stay, under the new rights, unless their user is gone or has another password. Raises ScenarioError and
        changes nothing when a file is wrong.
        """
        self._engine.reload()

    @property
    def host(self) -> str:
        """Where the first listener is."""
        return self._hosts[0]

    @property
    def port(self) -> int:
        """Of the first listener; the one it really has, once started."""
        return self._ports[0]

    @property
    def ports(self) -> list[int]:
        """Of all listeners, in their order."""
        return list(self._ports)

    @property
    def url(self) -> str:
        """Of the first listener, as `--broker` takes it."""
        return self.urls[0]

    @property
    def urls(self) -> list[str]:
        """Of all listeners, in their order: for each the most natural one."""
        return [self._urls_of(index)[0] for index in range(len(self._ways_in))]

    def url_for(self, scheme: str) -> str:
        """Of the first listener that serves "mqtt", "mqtts", "ws", "wss", "http", "https" or "mqtt+unix".

        Raises UsageError, which names what is offered, when none does.
        """
        wanted = _ALIASES.get(scheme, scheme)
        offered = [url for index in range(len(self._ways_in)) for url in self._urls_of(index)]
        for url in offered:
            if url.startswith(f"{wanted}://"):
                return url
        raise UsageError(f'no listener serves "{scheme}"; there are {", ".join(offered)}')

    @property
    def ca_pem(self) -> str:
        """What clients must trust when a certificate was generated, in PEM form; empty when none was."""
        return self._engine.ca_pem()

    @property
    def page(self) -> str | None:
        """The link to the crawl page; None when no listener serves it."""
        index = page_listener(self.settings)
        if index is None:
            return None
        return page_url(self._ways_in[index], self._hosts[index], self._ports[index])

    @property
    def places(self) -> list[str]:
        """host:port of all listeners, or the path of a Unix socket."""
        return [way.unix or self._place(index) for index, way in enumerate(self._ways_in)]

    def _place(self, index: int) -> str:
        host = self._hosts[index]
        return f"[{host}]:{self._ports[index]}" if ":" in host else f"{host}:{self._ports[index]}"

    def _urls_of(self, index: int) -> list[str]:
        way, place = self._ways_in[index], self.places[index]
        return [way.url(scheme, place) for scheme in way.schemes] or [place]

    @property
    def _ways_in(self) -> list[WayIn]:
        return [way for _, way in self.settings.ways_in()]

    @property
    def _hosts(self) -> list[str]:
        return [way.host or self.settings.host for way in self._ways_in]

    def stats(self) -> dict[str, Any]:
        """What it holds now and has counted since the start."""
        self._check_process()
        counts: dict[str, Any] = json.loads(self._engine.stats())
        return counts

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._desk.is_lost:
            self.stop()

    async def __aenter__(self) -> Broker:
        return self._start(asyncio.get_running_loop())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._desk.is_lost:
            return
        await asyncio.get_running_loop().run_in_executor(None, self._engine.stop)
        self.stop()


def _is_hook(name: str) -> bool:
    try:
        return hook_name(name) in HOOKS
    except UsageError:
        return False
