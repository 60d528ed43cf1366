"""The embedded broker on its own:

with mqtt_sim.Broker() as broker:
    print(broker.url)
"""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any

from mqtt_sim.engine import could_not_run, load_core
from mqtt_sim.errors import CouldNotRun


class Broker:
    """An MQTT broker in this process, in memory, on TCP. Port 0 takes any free one; `port` tells which."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        core = load_core()
        self.host = host
        self.port = port
        self._run_error = core.RunError
        self._broker = core.Broker(json.dumps({"host": host, "port": port}))

    def start(self) -> Broker:
        """Listens. Raises CouldNotRun when the port is taken or the address is not of this machine."""
        try:
            self.port = int(self._broker.start())
        except self._run_error as error:
            cause = could_not_run(error)
            raise CouldNotRun(f"cannot listen on {self.host}:{self.port}: {cause}", kind=cause.kind) from None
        return self

    def stop(self) -> None:
        """Closes all connections and the port."""
        self._broker.stop()

    @property
    def url(self) -> str:
        """As `--broker` takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt://{host}:{self.port}"

    def stats(self) -> dict[str, Any]:
        """Counts since the start."""
        counts: dict[str, Any] = json.loads(self._broker.stats())
        return counts

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
