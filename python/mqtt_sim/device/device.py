"""One device: its client, its context, and how its script fares."""

from __future__ import annotations

import asyncio
from typing import Literal

from mqtt_sim.device.client import DeviceClient
from mqtt_sim.device.context import Context
from mqtt_sim.device.group import ScriptedGroup

Outcome = Literal["running", "returned", "stopped", "failed"]
"""`stopped`: cancelled because the run was over."""


class Device:
    """Made before the run begins; its script starts at the run's time zero."""

    __slots__ = ("client", "context", "group", "is_cancelled", "outcome", "task")

    def __init__(self, group: ScriptedGroup, client: DeviceClient, context: Context) -> None:
        self.group = group
        self.client = client
        self.context = context
        self.task: asyncio.Task[None] | None = None
        self.outcome: Outcome = "running"
        self.is_cancelled = False

    def cancel(self) -> None:
        """The run is over for it."""
        if self.task is not None and not self.task.done():
            self.is_cancelled = True
            self.task.cancel()
