"""The client of the mosca example: options with a will, every event, one subscription, one retained message."""

import asyncio
import json
import os
from typing import Any

import mqtt_sim

options: dict[str, Any] = {
    "keepalive": 10,
    "client_id": "mosca-example",
    "protocol_version": 4,
    "clean": True,  # False to receive QoS 1 and 2 messages while offline
    "reconnect_period": 1,
    "connect_timeout": 30,
    "will": {"topic": "ErrorMsg", "payload": "Connection closed abnormally..!", "qos": 0, "retain": False},
    "username": "demo",
    "password": "demo",
}


async def main() -> None:
    client = mqtt_sim.Client(os.environ.get("MQTT_URL", "mqtt://localhost:1883"), **options)
    client.on("connect", lambda connack: print("client is connected", flush=True))
    client.on("reconnect", lambda: print("client is reconnected", flush=True))
    client.on("error", lambda error: print("error from client -->", error, flush=True))
    client.on("close", lambda: print("client is closed", flush=True))
    client.on("offline", lambda: print("client is offline", flush=True))
    client.on("message", lambda topic, payload, message: print(message.text(), flush=True))
    async with client:
        print("granted :", await client.subscribe("topic/client", qos=1), flush=True)
        await client.publish("topic/client", json.dumps({"name": "saikat", "title": "hajra"}), qos=1, retain=True)
        print("message published", flush=True)
        await asyncio.sleep(float(os.environ.get("STAY", "10")))


asyncio.run(main())
