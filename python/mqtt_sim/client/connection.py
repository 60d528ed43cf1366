"""The connection of a Client: its states and events, how it begins and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from mqtt_sim.client.attachment import Attachment, State
from mqtt_sim.client.handlers import Handler
from mqtt_sim.client.listener import AwaitedListener
from mqtt_sim.client.message import Connack
from mqtt_sim.client.patience import check_patience
from mqtt_sim.client.properties import encode_properties
from mqtt_sim.errors import ClientError, ConnectError

_HandlerType = TypeVar("_HandlerType", bound=Handler)

END_PATIENCE_S = 5.0
"""How long end() lets what was ordered be sent and acknowledged."""
_NO_LIMIT_S = 3.0e7
_CLOSE_PATIENCE_S = 8.0  # the engine gives a stream 5 s to close, and drops it then


class Connection(Attachment):
    """What a Client is before it says or hears anything."""

    # ---- state

    @property
    def state(self) -> State:
        """idle, connecting, connected, reconnecting, closing or closed."""
        return self._state

    @property
    def is_connected(self) -> bool:
        """A CONNACK with success has come, and the connection holds."""
        return self._state == "connected"

    @property
    def client_id(self) -> str:
        """Ours, or the one that the broker assigned."""
        return self._client_id

    @property
    def in_flight(self) -> int:
        """Publishes that have not completed."""
        return len(self._deliveries)

    @property
    def unclaimed(self) -> int:
        """Received messages that neither a stream nor a handler wanted."""
        return self._inbox.unclaimed

    def __repr__(self) -> str:
        return f"<Client {self._client_id!r} at {self.url}: {self._state}>"

    # ---- events

    @overload
    def on(self, event: str, handler: None = None, *, once: bool = False) -> Callable[[_HandlerType], _HandlerType]: ...
    @overload
    def on(self, event: str, handler: _HandlerType, *, once: bool = False) -> _HandlerType: ...
    def on(self, event: str, handler: Any = None, *, once: bool = False) -> Any:
        """Has `handler` called for each `event`; also as a decorator: `@client.on("connect")`.

        Events and arguments: handlers.EVENTS. The same function counts once for an event, however often it is given. A
        coroutine function runs as a task; for "message" one after the other, and what it returns is the reason code of
        the acknowledgement where manual_acknowledge is set. A handler that raises is reported to the loop's exception
        handler and to "error", and the others are called all the same.
        """
        if handler is None:
            return lambda function: self.on(event, function, once=once)
        if event == "message" and asyncio.iscoroutinefunction(handler):
            if handler not in self._listeners:
                acknowledge = self._acknowledge if self.options.manual_acknowledge else None
                listener = self._listeners[handler] = AwaitedListener(acknowledge, handler, self._handlers)
                if self._host is not None:
                    listener.start(self._own_loop(), self._inbox)
            return handler
        self._handlers.add(event, handler, once=once)
        if event == "message":
            for message in self._inbox.listen():
                self._handlers.call("message", message.topic, message.payload, message)
        if event in ("packetsend", "packetreceive"):
            self._trace()
        return handler

    def once(self, event: str, handler: _HandlerType) -> _HandlerType:
        """on() for the next time only."""
        return self.on(event, handler, once=True)

    def off(self, event: str, handler: Handler) -> None:
        """Takes a handler away; nothing happens when it is not there."""
        listener = self._listeners.pop(handler, None) if event == "message" else None
        if listener is not None:
            listener.close()
            return
        self._handlers.remove(event, handler)
        if event == "message":
            self._inbox.has_listeners = self._handlers.has("message")

    # ---- the connection

    def start(self) -> Self:
        """Begins to connect, and keeps trying; what happens is told by events. Nothing happens when it has begun.

        Raises ClientClosed in a loop that is closed, UsageError where no loop runs or TLS options cannot work.
        """
        if self._host is None:
            self._is_ending = False
        host = self._attach()
        if self._state not in ("connecting", "connected"):
            self._ws_url.then(lambda: host.core.connect(self._number))
        return self

    async def connect(self, *, timeout: float | None = None, retry: bool = False) -> Connack:
        """Connects, and waits for CONNACK.

        `timeout`: seconds, beside connect_timeout. `retry`: a first attempt that fails is no failure. Raises
        ConnectError with its reason; the client has ended then.
        """
        check_patience(timeout, "connect")
        if self._state == "connected" and self.connack is not None and not self._is_ending:
            return self.connack
        if self._state == "closing":
            await self._closed()
        self.start()
        opening: asyncio.Future[Connack] = self._own_loop().create_future()
        self._openings.append(opening)
        undo = None if retry else self.once("close", lambda: self._fail_openings())
        try:
            async with asyncio.timeout(timeout):
                return await opening
        except BaseException as error:
            await self.end(force=True)
            if isinstance(error, TimeoutError) and not isinstance(error, ClientError):
                raise ConnectError(f"{self.url}: no connection within {timeout:g} s", kind="timeout") from None
            raise
        finally:
            if undo is not None:
                self.off("close", undo)
            if opening in self._openings:
                self._openings.remove(opening)

    async def reconnect(self) -> Connack:
        """Connects again after the end, or makes the waiting attempt at once. As connect()."""
        if self._state == "reconnecting" and self._host is not None:
            self._host.core.connect(self._number)
        return await self.connect()

    async def end(
        self,
        force: bool = False,
        *,
        timeout: float | None = END_PATIENCE_S,
        reason: int = 0,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Ends the client. Never fails, and takes at most `timeout` + 8 seconds.

        What was published is sent and acknowledged first, for at most `timeout` seconds; then DISCONNECT with `reason`
        (0x04: the broker sends the will all the same) and `properties`. `force`: the stream is dropped as it is, and
        the broker sends the will. Deliveries that are still open then raise ClientClosed or DeliveryError.
        """
        check_patience(timeout, "end")
        patience = _NO_LIMIT_S if timeout is None else float(timeout)
        if self._host is None or self._is_elsewhere():
            self._handlers.cancel()
            return
        encoded = encode_properties(properties, "disconnect")
        is_first = not self._is_ending
        self._is_ending = True
        ending: asyncio.Future[None] = self._own_loop().create_future()
        self._endings.append(ending)
        try:
            async with asyncio.timeout(patience + _CLOSE_PATIENCE_S):
                if force:
                    self._host.core.kill(self._number)
                elif is_first:
                    try:
                        await self._wait_for_store(patience)
                    finally:
                        if self._host is not None:
                            self._host.core.end(self._number, patience, reason, encoded)
                await ending
        except TimeoutError:
            self._leave()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.end()

    async def _closed(self) -> None:
        changed: asyncio.Future[None] = self._own_loop().create_future()
        self.once("close", lambda: None if changed.done() else changed.set_result(None))
        await asyncio.wait_for(changed, _CLOSE_PATIENCE_S)
