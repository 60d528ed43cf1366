"""The consumer of the tutorial on a console: who speaks, and what. Its opening scroll is the broker's page /crawl."""

import asyncio
import os

import mqtt_sim


async def main() -> None:
    client = mqtt_sim.Client(os.environ.get("MQTT_URL", "mqtt://localhost:1883"))
    messages = client.messages()
    async with client:
        await client.subscribe("StarWars")
        print("subscribed", flush=True)
        async for message in messages:
            line = message.json()
            print(f"{line['character']}: {line['text']}", flush=True)


asyncio.run(main())
