"""A publisher: greets on the topic `test` every 3 seconds, or every INTERVAL, from the moment it is connected."""

import asyncio
import os
import time

import mqtt_sim


async def main() -> None:
    async with mqtt_sim.Client(os.environ.get("MQTT_URL", "mqtt://localhost:1883")) as client:
        print("connected!", flush=True)
        client.on("error", print)
        while True:
            await asyncio.sleep(float(os.environ.get("INTERVAL", "3")))
            client.publish("test", f"Hello mqtt {time.time_ns() // 1_000_000}")


asyncio.run(main())
