"""The producer of the tutorial: hears itself, greets as the narrator, then speaks a line of the script each second."""

import asyncio
import os

import mqtt_sim
from mqtt_sim import corpus


async def main() -> None:
    client = mqtt_sim.Client(os.environ.get("MQTT_URL", "mqtt://localhost:1883"))
    client.on("message", lambda topic, payload, message: print(topic, message.text(), flush=True))
    async with client:
        await client.subscribe("StarWars")
        client.publish_json("StarWars", {"character": "NARRATOR", "text": "A long time ago..."})
        for row in corpus.load(os.environ.get("MQTT_SIM_CORPUS")).rows:
            await asyncio.sleep(float(os.environ.get("INTERVAL", "1")))
            client.publish_json("StarWars", {"character": row.character, "text": row.text})


asyncio.run(main())
