"""paho-mqtt as a client of the embedded broker: what users of Python would notice first."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

import mqtt_sim

PATIENCE_S = 10


class Listener:
    """A connected paho client; `messages` and `ends` tell what happened."""

    def __init__(self, port: int, client_id: str, protocol: int = paho.MQTTv5, **connect: Any) -> None:
        self.messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self.ends: queue.Queue[Any] = queue.Queue()
        self._ready = threading.Event()
        self._subscribed = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=protocol)
        self.client.on_connect = lambda *_: self._ready.set()
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = lambda _client, _data, message: self.messages.put(message)
        self.client.on_disconnect = lambda _client, _data, _flags, reason, _properties: self.ends.put(reason)
        self.client.connect("127.0.0.1", port, **connect)
        self.client.loop_start()
        assert self._ready.wait(PATIENCE_S), "no CONNACK"

    def subscribe(self, *arguments: Any, **options: Any) -> None:
        self._subscribed.clear()
        self.client.subscribe(*arguments, **options)
        assert self._subscribed.wait(PATIENCE_S), "no SUBACK"

    def publish(self, topic: str, payload: bytes, **options: Any) -> None:
        self.client.publish(topic, payload, **options).wait_for_publish(PATIENCE_S)

    def next(self) -> paho.MQTTMessage:
        return self.messages.get(timeout=PATIENCE_S)


@contextmanager
def listening(broker: mqtt_sim.Broker, client_id: str, **options: Any) -> Iterator[Listener]:
    listener = Listener(broker.port, client_id, **options)
    try:
        yield listener
    finally:
        listener.client.disconnect()
        listener.client.loop_stop()


@pytest.mark.req("D-07", "P-12")
@pytest.mark.parametrize("protocol", [paho.MQTTv31, paho.MQTTv311, paho.MQTTv5])
def test_messages_arrive_in_order_at_every_qos(broker: mqtt_sim.Broker, protocol: int) -> None:
    with (
        listening(broker, "hears", protocol=protocol) as hears,
        listening(broker, "speaks", protocol=protocol) as speaks,
    ):
        hears.subscribe([(f"order/{qos}", qos) for qos in (0, 1, 2)])
        for qos in (0, 1, 2):
            for number in range(50):
                speaks.publish(f"order/{qos}", str(number).encode(), qos=qos)
            heard = [hears.next() for _ in range(50)]
            assert [int(message.payload) for message in heard] == list(range(50))
            assert {message.qos for message in heard} == {qos}


@pytest.mark.req("X-03")
def test_properties_of_a_message_pass_unaltered(broker: mqtt_sim.Broker) -> None:
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("a", "1"), ("b", "2"), ("a", "3")]
    properties.ContentType = "application/json"
    properties.ResponseTopic = "answers"
    properties.CorrelationData = b"\x00\x01"
    with listening(broker, "hears") as hears, listening(broker, "speaks") as speaks:
        hears.subscribe("p/#", qos=1)
        speaks.publish("p/q", b"{}", qos=1, properties=properties)
        heard = hears.next().properties
        assert heard.UserProperty == [("a", "1"), ("b", "2"), ("a", "3")]
        assert (heard.ContentType, heard.ResponseTopic) == ("application/json", "answers")
        assert heard.CorrelationData == b"\x00\x01"


@pytest.mark.req("X-09")
def test_a_second_client_of_the_same_name_takes_over(broker: mqtt_sim.Broker) -> None:
    with listening(broker, "twin") as first:
        first.client.reconnect_delay_set(60, 60)
        with listening(broker, "twin"):
            assert first.ends.get(timeout=PATIENCE_S).value == 0x8E


@pytest.mark.req("A-17")
def test_binary_payloads_pass_untouched(broker: mqtt_sim.Broker) -> None:
    payload = bytes(range(256)) * 200
    with listening(broker, "one") as one:
        one.subscribe("raw", qos=2)
        one.publish("raw", payload, qos=2)
        assert one.next().payload == payload
