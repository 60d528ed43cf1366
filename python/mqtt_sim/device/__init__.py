"""Scripted devices: `async def device(client, context)`, thousands of them, in real and in virtual time."""

from mqtt_sim.device.client import DeviceClient
from mqtt_sim.device.context import Context

__all__ = ["Context", "DeviceClient"]
