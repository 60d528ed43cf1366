"""The server of the mosca example: its settings word for word, and a line for each of its events."""

import contextlib
import os
import signal

import mqtt_sim

settings = {
    "port": int(os.environ.get("MQTT_PORT", "1883")),
    "stats": True,
}
server = mqtt_sim.Broker(settings)


def published(packet: mqtt_sim.Message, client: object) -> None:
    print("published packet :", packet.topic)
    print("Message received from package :", packet.payload.decode(), flush=True)


server.on("clientConnected", lambda client: print("new client connected", flush=True))
server.on("clientDisconnecting", lambda client: print("client is disconnecting", flush=True))
server.on("clientDisconnected", lambda client: print("client is disconnected", flush=True))
server.on("error", lambda error: print("error from server :", error, flush=True))
server.on("subscribed", lambda topic, client: print("new client subscribed to -->", topic, flush=True))
server.on("unsubscribed", lambda topic, client: print("client unsubscribed to -->", topic, flush=True))
server.on("published", published)
server.on("ready", lambda: print("server running", flush=True))

with contextlib.suppress(KeyboardInterrupt), server:
    signal.pause()
