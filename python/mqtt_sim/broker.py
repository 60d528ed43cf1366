"""The embedded broker on its own:

with mqtt_sim.Broker() as broker:
    print(broker.url)
"""

from __future__ import annotations

import json
import os
from types import TracebackType
from typing import Any

from mqtt_sim.engine import EngineBroker
from mqtt_sim.scenario.embedded_broker import EmbeddedBroker
from mqtt_sim.scenario.load import validate_embedded_broker

SYS_INTERVAL_S = 10.0
"""Between publications of the $SYS topics, unless the settings say otherwise. In a scenario they are off."""


class Broker:
    """An MQTT broker in this process, in memory, on TCP.

    Takes the fields of EmbeddedBroker by name, or one that is ready: `Broker(port=1883, max_connections=100)`. Raises
    ScenarioError, which names the nearest field, for one that there is not, and for a users or ACL file that is wrong.
    """

    def __init__(self, settings: EmbeddedBroker | None = None, /, **options: Any) -> None:
        if settings is None or options:
            given = settings.model_dump(exclude_unset=True) if settings else {}
            texts = {name: os.fspath(value) for name, value in options.items() if isinstance(value, os.PathLike)}
            settings = validate_embedded_broker({**given, **options, **texts}, "Broker")
        if "sys_interval" not in settings.model_fields_set:
            settings = settings.model_copy(update={"sys_interval": SYS_INTERVAL_S})
        self.settings = settings
        self._ports = [listener.port for listener in settings.listeners] or [settings.port]
        self._engine = EngineBroker(settings.to_core())

    def start(self) -> Broker:
        """Listens. Raises CouldNotRun when a port is taken or an address is not of this machine; only once."""
        self._ports = self._engine.start()
        return self

    def stop(self) -> None:
        """Tells every client that the server shuts down, and frees the ports; takes less than 2 seconds."""
        self._engine.stop()

    def reload(self) -> None:
        """Reads the users and ACL files again; connected clients stay.

        Raises ScenarioError and changes nothing when one of them is wrong.
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
        """Of all listeners, in their order."""
        return [f"mqtt://{place}" for place in self.places]

    @property
    def places(self) -> list[str]:
        """host:port of all listeners."""
        hosts = (f"[{host}]" if ":" in host else host for host in self._hosts)
        return [f"{host}:{port}" for host, port in zip(hosts, self._ports, strict=True)]

    @property
    def _hosts(self) -> list[str]:
        default = self.settings.host
        return [listener.host or default for listener in self.settings.listeners] or [default]

    def stats(self) -> dict[str, Any]:
        """What it holds now and has counted since the start."""
        counts: dict[str, Any] = json.loads(self._engine.stats())
        return counts

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
