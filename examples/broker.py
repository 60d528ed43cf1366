"""That's it, a broker: on port 1883, or the one in MQTT_PORT, until Ctrl-C. MQTT, TLS, WebSocket and HTTP."""

import contextlib
import os
import signal

import mqtt_sim

with contextlib.suppress(KeyboardInterrupt), mqtt_sim.Broker(port=int(os.environ.get("MQTT_PORT", "1883"))) as broker:
    print("server listening on port", broker.port, flush=True)
    signal.pause()
