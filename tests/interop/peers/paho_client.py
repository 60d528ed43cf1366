"""paho-mqtt as a client of a broker: goes through every level and QoS over one scheme; see ../matrix.py."""

from __future__ import annotations

import os
import queue
import socket
import ssl
from contextlib import ExitStack
from typing import Any

import paho.mqtt.client as paho
from cell import BURST, PATIENCE_S, SIZES, address_from_arguments, expect, payload_of, report, report_all, root_of
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

ADDRESS = address_from_arguments()


class Client:
    """A connected client with its own thread."""

    def __init__(self, level: int, *, ca: str | None = ADDRESS.ca, will: tuple[str, int] | None = None) -> None:
        self.heard: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self._answers: queue.Queue[Any] = queue.Queue()
        transport: Any = "websockets" if ADDRESS.is_websocket else "tcp"
        self.raw = paho.Client(
            paho.CallbackAPIVersion.VERSION2, protocol=level, transport=transport, reconnect_on_failure=False
        )
        if ADDRESS.is_tls:
            self.raw.tls_set(ca)
        if ADDRESS.is_websocket:
            self.raw.ws_set_options(path=ADDRESS.path)
        if will:
            self.raw.will_set(will[0], b"gone", will[1])
        self.raw.on_connect = lambda _client, _data, _flags, reason, _properties: self._answers.put(reason)
        self.raw.on_subscribe = lambda _client, _data, _id, reasons, _properties: self._answers.put(reasons[0])
        self.raw.on_message = lambda _client, _data, message: self.heard.put(message)
        self.raw.connect(ADDRESS.host, ADDRESS.port)
        self.raw.loop_start()
        reason = self._answers.get(timeout=PATIENCE_S)
        expect(not reason.is_failure, f"CONNACK {reason}")

    def subscribe(self, filter_: str, qos: int) -> None:
        self.raw.subscribe(filter_, qos)
        granted = self._answers.get(timeout=PATIENCE_S)
        expect(granted.value == qos, f"SUBACK {granted}")

    def publish(self, topic: str, payload: bytes | str, qos: int, **options: Any) -> paho.MQTTMessageInfo:
        return self.raw.publish(topic, payload, qos, **options)

    def next(self) -> paho.MQTTMessage:
        return self.heard.get(timeout=PATIENCE_S)

    def drop(self) -> None:
        """Ends the connection without a DISCONNECT, under whatever paho has laid over the socket."""
        sock = self.raw.socket()
        expect(sock is not None, "not connected")
        with socket.socket(fileno=os.dup(sock.fileno())) as own:
            own.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.raw.disconnect()
        self.raw.loop_stop()


def cell(level: int, qos: int) -> None:
    root = root_of("paho", level, qos)
    with ExitStack() as stack:

        def opened(**options: Any) -> Client:
            client = Client(level, **options)
            stack.callback(client.close)
            return client

        hears, speaks = opened(), opened()
        hears.subscribe(f"{root}/#", qos)
        sizes(hears, speaks, root, level, qos)

        sent = [speaks.publish(f"{root}/burst", str(i), qos) for i in range(BURST)]
        heard = [int(hears.next().payload) for _ in range(BURST)]
        expect(heard == list(range(BURST)), f"the burst came as {heard}")
        for info in sent:
            info.wait_for_publish(PATIENCE_S)

        speaks.publish(f"{root}/state", b"kept", qos, retain=True).wait_for_publish(PATIENCE_S)
        expect(not hears.next().retain, "retain set for a subscriber who was there")
        late = opened()
        late.subscribe(f"{root}/state", qos)
        kept = late.next()
        expect(kept.retain and kept.payload == b"kept" and kept.qos == qos, "the retained message did not wait")
        speaks.publish(f"{root}/state", b"", qos, retain=True).wait_for_publish(PATIENCE_S)
        hears.next()

        mortal = opened(will=(f"{root}/will", qos))
        mortal.drop()
        will = hears.next()
        expect(
            (will.topic, will.payload, will.qos) == (f"{root}/will", b"gone", qos), f"instead of a will {will.topic}"
        )


def sizes(hears: Client, speaks: Client, root: str, level: int, qos: int) -> None:
    options = {}
    if level == 5:
        options["properties"] = properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = [("from", "paho")]
    for index, size in enumerate(SIZES):
        payload = payload_of(index, size)
        speaks.publish(f"{root}/size", payload, qos, **options).wait_for_publish(PATIENCE_S)
        message = hears.next()
        expect(message.payload == payload, f"payload of {size} bytes came as {len(message.payload)} others")
        expect((message.qos, message.retain) == (qos, False), f"came with {message.qos}, {message.retain}")
        if level == 5:
            expect(message.properties.UserProperty == [("from", "paho")], "user property lost")


def refuses_foreign_authority() -> None:
    try:
        Client(4, ca=ADDRESS.foreign_ca)
    except ssl.SSLCertVerificationError:
        return
    raise ValueError("connected to a broker whose authority it does not know")


report_all(cell)
if ADDRESS.foreign_ca:
    report({"check": "foreign authority"}, refuses_foreign_authority)
