"""The embedded broker as the pages' server: what tests need to see and steer has names.

One port speaks MQTT, WebSocket and HTTP, with TLS and without, and stays the same over a restart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from outside import free_port

import mqtt_sim

WEB = Path(mqtt_sim.__file__).resolve().parent / "web"


class PageServer:
    """Serves the pages until `close`; `static` is the directory of the user's own files, at first empty."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.static = folder / "static"
        self.static.mkdir()
        self.port = free_port()
        http = {"static": str(self.static), "bundle": True, "history": 50, **options.pop("http", {})}
        self._options = {"port": self.port, "sys_interval": "1s", "http": http, **options}
        self.start_broker()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def secure_origin(self) -> str:
        return f"https://localhost:{self.port}"

    def start_broker(self, **changes: Any) -> None:
        """Again after stop_broker(), with options changed for good."""
        self._options |= changes
        self.broker = mqtt_sim.Broker(**self._options).start()

    def stop_broker(self) -> None:
        self.broker.stop()

    def close(self) -> None:
        self.stop_broker()
