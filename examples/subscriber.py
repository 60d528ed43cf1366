"""A subscriber: prints every topic and message of `test`, and subscribes again after each reconnection by itself."""

import asyncio
import os

import mqtt_sim


async def main() -> None:
    client = mqtt_sim.Client(os.environ.get("MQTT_URL", "mqtt://localhost:1883"))
    client.on("error", print)
    messages = client.messages()
    async with client:
        print("connected!", flush=True)
        await client.subscribe("test")
        async for message in messages:
            print(message.topic)
            print(message.text(), flush=True)


asyncio.run(main())
