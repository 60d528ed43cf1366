#!/usr/bin/env python3
"""Idle TLS clients of paho-mqtt, as a yardstick: paho_idle.py PORT CLIENTS CA_FILE SECONDS

One TLS context for all; each client waits for its CONNACK, then stays silent.
"""

from __future__ import annotations

import ssl
import sys
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE_S = 10.0


def main() -> None:
    """Connects them one after the other, holds them, and ends."""
    port, clients, ca_file, hold_s = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    context = ssl.create_default_context(cafile=ca_file)
    held = [_connected(f"paho-{number}", port, context) for number in range(clients)]
    time.sleep(hold_s)
    for client in held:
        client.disconnect()


def _connected(client_id: str, port: int, context: ssl.SSLContext) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
    client.tls_set_context(context)
    client.connect("127.0.0.1", port)
    end = time.monotonic() + PATIENCE_S
    while not client.is_connected():
        if time.monotonic() > end:
            raise SystemExit(f"{client_id}: no CONNACK within {PATIENCE_S:.0f} s")
        client.loop(timeout=0.1)
    return client


if __name__ == "__main__":
    main()
