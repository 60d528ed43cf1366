"""The second client of the mosca example: it publishes nothing, and gets the record that mosca_client.py has left."""

import asyncio
import os

import mqtt_sim


async def main() -> None:
    client = mqtt_sim.Client(os.environ.get("MQTT_URL", "mqtt://localhost:1883"), keepalive=10)
    client.on("error", lambda error: print("error from client -->", error, flush=True))
    client.on("message", lambda topic, payload, message: print(message.text(), flush=True))
    async with client:
        print("granted :", await client.subscribe("topic/client", qos=1), flush=True)
        await asyncio.sleep(float(os.environ.get("STAY", "10")))


asyncio.run(main())
