"""Client: MQTT for asyncio, carried by the engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from mqtt_sim.client.connection import Connection
from mqtt_sim.client.delivery import Delivery
from mqtt_sim.client.ending import reason_words
from mqtt_sim.client.habits import Habits
from mqtt_sim.client.message import Message
from mqtt_sim.client.patience import check_patience
from mqtt_sim.client.payload import Payload, check_size, not_a_topic, payload_bytes
from mqtt_sim.client.properties import encode_properties
from mqtt_sim.client.streams import MessageStream
from mqtt_sim.client.subscription import Filters, Grant, check_filter, check_qos, filter_list, subscribe_entries
from mqtt_sim.errors import ClientClosed, ClientError, QueueFull, SubscribeError, UsageError

_ACKNOWLEDGE_REASONS = (0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99)  # tables 3-4 and 3-5 of 5.0


class Client(Connection, Habits):
    """One MQTT client, at home in one asyncio event loop.

        async with mqtt_sim.Client("mqtt://localhost:1883") as client:
            await client.subscribe("sensors/#", qos=1)
            await client.publish("sensors/1", "21.5", qos=1)
            async for message in client.messages():
                print(message.topic, message.text())

    `url`: mqtt, mqtts, ws, wss, tcp, tls, ssl or mqtt+unix. Keywords: see ClientOptions; unknown ones raise UsageError
    with the nearest. A lost connection is made again until end(); what was published meanwhile waits.

    The engine's thread moves the bytes and never waits for Python. Everything here is called from the loop's thread.
    """

    def __enter__(self) -> NoReturn:
        raise UsageError("a Client needs `async with`; without asyncio use `with mqtt_sim.connect(url) as client`")

    def __exit__(self, *_: object) -> None: ...

    # ---- sending

    def publish(
        self,
        topic: str,
        payload: Payload = b"",
        qos: int = 0,
        *,
        retain: bool = False,
        properties: Mapping[str, Any] | None = None,
        on_complete: Callable[[Delivery], object] | None = None,
    ) -> Delivery:
        """Publishes, at once or as soon as there is a connection; text goes out as UTF-8.

        The result can be awaited for its completion, or left alone: see Delivery. `on_complete` is called with it.
        Raises UsageError for what MQTT cannot carry, QueueFull when outgoing_limit publishes are open, ClientClosed
        after the end.
        """
        host = self._attach()
        size = check_size(topic, payload)
        check_qos(qos)
        if not isinstance(retain, bool):
            raise UsageError(f"retain should be True or False, found {retain!r}")
        if len(self._deliveries) >= self.options.outgoing_limit:
            raise QueueFull(f"{len(self._deliveries)} publishes have not completed; await some of them first")
        if self._outgoing_bytes + size > self.options.outgoing_bytes_limit and self._deliveries:
            raise QueueFull(f"{self._outgoing_bytes} bytes have not been acknowledged; await some of them first")
        encoded = b""
        if properties:
            self._need_5("properties")
            encoded = encode_properties(properties, "publish")
        self._cookie = cookie = self._cookie + 1
        delivery = Delivery(topic, qos, size, self)
        if self._session is not None:
            self._publish_kept(self._session, cookie, delivery, payload_bytes(payload), retain, encoded)
        elif not host.core.publish(self._number, cookie, topic, payload_bytes(payload), qos, retain, encoded):
            raise not_a_topic(topic)
        self._deliveries[cookie] = delivery
        self._outgoing_bytes += size
        if on_complete is not None:
            delivery.on_complete(on_complete)
        return delivery

    def publish_json(self, topic: str, value: Any, qos: int = 0, **options: Any) -> Delivery:
        """publish() of a value as JSON."""
        try:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UsageError(f"publish_json: {error}") from None
        return self.publish(topic, text, qos, **options)

    def remove_outgoing_message(self, message: Delivery | int) -> bool:
        """Takes back a publish that has not completed, given as its Delivery or its packet identifier.

        It is not sent, or not sent again when the connection is lost; awaiting it raises DeliveryError. What is under
        way already may arrive. False: it has completed, or is none of this client's.
        """
        host = self._attach()
        for cookie, delivery in self._deliveries.items():
            if delivery is message or (delivery.packet_id is not None and delivery.packet_id == message):
                delivery.is_removed = True
                if self._session is not None and delivery.packet_id is not None:
                    self._session.remove(cookie, delivery.qos)
                else:
                    host.core.forget(self._number, cookie)
                return True
        return False

    async def flush(self) -> None:
        """Waits until every publish has completed, whether with success or not."""
        while self._deliveries:
            await _settled(next(reversed(self._deliveries.values())))

    async def wait_kept(self) -> None:
        """Waits until every publish so far is in the store: even a killed process has not lost it then.

        Raises UsageError without a store.
        """
        self._attach()
        if self._session is None:
            raise UsageError('wait_kept: the client has no store; give it one: store="orders.session"')
        await self._session.flush()

    # ---- subscriptions

    def subscribe(
        self,
        topic: Filters,
        qos: int = 0,
        *,
        no_local: bool = False,
        retain_as_published: bool = False,
        retain_handling: str = "send",
        subscription_identifier: int | None = None,
        properties: Mapping[str, Any] | None = None,
        on_complete: Callable[[Exception | None, list[Grant]], object] | None = None,
    ) -> asyncio.Future[list[Grant]]:
        """Subscribes with one SUBSCRIBE: to a filter, several, {filter: qos} or {filter: {"qos": 1, "no_local": True}}.

        Await the result for what is granted, in the order asked; SubscribeError when a filter was refused.
        `on_complete` is called with (error or None, grants). Options beside qos need MQTT 5.0.
        """
        host = self._attach()
        defaults: dict[str, Any] = {"qos": qos}
        if no_local or retain_as_published or retain_handling != "send":
            defaults |= {
                "no_local": no_local,
                "retain_as_published": retain_as_published,
                "retain_handling": retain_handling,
            }
        entries = subscribe_entries(topic, **defaults)
        if any(options > 2 for _, options in entries):
            self._need_5("options of a subscription")
        given = dict(properties or {})
        if subscription_identifier is not None:
            given["subscription_identifier"] = subscription_identifier
        if given:
            self._need_5("properties")
        encoded = encode_properties(given, "subscribe")
        future: asyncio.Future[list[Grant]] = self._own_loop().create_future()
        future.add_done_callback(_retrieve)

        def finish(is_closed: bool, codes: bytes, answer_properties: dict[str, Any] | None) -> None:
            grants = [Grant(text, code) for (text, _), code in zip(entries, codes, strict=False)]
            error = self._closed_error() if is_closed else _refusal(grants, answer_properties)
            if on_complete is not None:
                self._handlers.guard(on_complete, (error, grants), "subscribe")
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(grants)

        self._cookie = cookie = self._cookie + 1
        self._answers[cookie] = finish
        host.core.subscribe(self._number, cookie, entries, encoded)
        return future

    def unsubscribe(
        self, topic: str | list[str] | tuple[str, ...], *, properties: Mapping[str, Any] | None = None
    ) -> asyncio.Future[list[int]]:
        """Unsubscribes; await the reason code of each filter (5.0: 0x11 where there was no subscription; else 0)."""
        host = self._attach()
        filters = filter_list(topic)
        if properties:
            self._need_5("properties")
        encoded = encode_properties(properties, "unsubscribe")
        future: asyncio.Future[list[int]] = self._own_loop().create_future()
        future.add_done_callback(_retrieve)

        def finish(is_closed: bool, codes: bytes, _: dict[str, Any] | None) -> None:
            if future.done():
                return
            if is_closed:
                future.set_exception(self._closed_error())
            else:
                future.set_result(list(codes) or [0] * len(filters))

        self._cookie = cookie = self._cookie + 1
        self._answers[cookie] = finish
        host.core.unsubscribe(self._number, cookie, filters, encoded)
        return future

    # ---- receiving

    def messages(self, topic_filter: str | None = None) -> MessageStream:
        """A stream of received messages for `async for`, from now on; the first stream also gets what came before.

        `topic_filter` chooses among what is subscribed to, it does not subscribe. Several streams each get their own.
        """
        if topic_filter is not None:
            check_filter(topic_filter)
        if self._is_over():
            raise ClientClosed(f"{self!r} has ended")
        return self._inbox.open(topic_filter)

    def acknowledge(self, message: Message, reason: int = 0) -> None:
        """Acknowledges a QoS 1 or 2 message; with manual_acknowledge. `reason` is told by MQTT 5.0 only.

        Acknowledgements leave in the order of the messages. One of a connection that has ended does nothing.
        """
        if not self.options.manual_acknowledge:
            raise UsageError("acknowledge: the client acknowledges by itself; set manual_acknowledge=True")
        if reason not in _ACKNOWLEDGE_REASONS:
            known = ", ".join(f"0x{code:02X}" for code in _ACKNOWLEDGE_REASONS)
            raise UsageError(f"acknowledge: reason should be one of {known}, found {reason!r}")
        self._attach()
        if message.token:
            self._acknowledge(message, reason)

    async def request(
        self,
        topic: str,
        payload: Payload = b"",
        *,
        timeout: float = 5.0,
        qos: int = 0,
        properties: Mapping[str, Any] | None = None,
    ) -> Message:
        """Publishes a request with a response topic and correlation data, and waits for its response; MQTT 5.0.

        Raises ResponseTimeout after `timeout` seconds.
        """
        self._need_5("request()")
        check_patience(timeout, "request")
        return await self._requests.request(self, topic, payload, timeout, qos, dict(properties or {}))

    def respond(self, request: Message, payload: Payload = b"", qos: int = 0, **options: Any) -> Delivery:
        """Publishes the response to a request. Raises UsageError when the message asks for none."""
        if request.response_topic is None:
            raise UsageError(f"respond: the message on {request.topic!r} has no response topic")
        given = dict(options.pop("properties", None) or {})
        if request.correlation_data is not None:
            given["correlation_data"] = request.correlation_data
        return self.publish(request.response_topic, payload, qos, properties=given, **options)

    # ---- enhanced authentication, MQTT 5.0

    def authenticate(self, data: bytes) -> None:
        """Answers the event "auth" of a method that is not SCRAM-SHA-256."""
        self._attach().core.authenticate(self._number, bytes(data), False)

    def reauthenticate(self, data: bytes = b"") -> None:
        """Proves again who we are; the event "auth" with reason 0 tells that the broker agrees."""
        self._attach().core.authenticate(self._number, bytes(data), True)


async def _settled(delivery: Delivery) -> None:
    try:
        await delivery
    except ClientError:
        return


def _retrieve(future: asyncio.Future[Any]) -> None:
    """An answer that nobody awaits is nobody's mistake."""
    if not future.cancelled():
        future.exception()


def _refusal(grants: list[Grant], properties: dict[str, Any] | None) -> SubscribeError | None:
    refused = {grant.topic: grant.qos for grant in grants if grant.is_refused}
    if not refused:
        return None
    words = ", ".join(f"{topic!r} (0x{code:02X} {reason_words(code, None)})" for topic, code in refused.items())
    more = (properties or {}).get("reason_string")
    return SubscribeError(f"refused: {words}{f': {more}' if more else ''}", refused=refused)
