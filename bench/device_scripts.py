"""What the devices of the benchmark do: one message a second at QoS 0, each awaited."""

from __future__ import annotations

from mqtt_sim.device import Context, DeviceClient


async def beat(client: DeviceClient, context: Context) -> None:
    """Like a sensor."""
    topic = f"beat/{context.index}"
    async for now in context.every(1.0):
        await client.publish(topic, f"{now:.1f}")
