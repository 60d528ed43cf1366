"""Clients without an event loop of their own: for scripts and the REPL. A thin cover over Client.

    client = mqtt_sim.connect("mqtt://localhost:1883")
    client.publish("greetings", "hello", qos=1)
    client.end()

One thread of this process runs the loop of all of them. Handlers given to on() run there.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, NoReturn, TypeVar

from mqtt_sim.client.client import Client
from mqtt_sim.client.delivery import Delivery
from mqtt_sim.client.habits import Habits
from mqtt_sim.client.handlers import Handler
from mqtt_sim.client.loop_thread import run_until_stopped
from mqtt_sim.client.message import Connack, Message
from mqtt_sim.client.patience import check_patience
from mqtt_sim.client.payload import Payload
from mqtt_sim.client.streams import MessageStream
from mqtt_sim.client.subscription import Filters, Grant
from mqtt_sim.errors import ClientClosed, ResponseTimeout, UsageError

ANSWER_TIMEOUT_S = 30.0
"""How long a call waits for the broker, unless it says otherwise."""
_T = TypeVar("_T")


class BlockingClient(Habits):
    """A Client whose methods wait. Takes the same arguments; connects by connect(), or as a context manager.

    `timeout`: seconds that each call waits for the broker's answer before it raises ResponseTimeout; None: for ever.
    """

    def __init__(
        self, url: str = "mqtt://localhost:1883", *, timeout: float | None = ANSWER_TIMEOUT_S, **options: Any
    ) -> None:
        self.client = Client(url, **options)
        """The same for the loop's thread alone."""
        check_patience(timeout, "BlockingClient")
        self._timeout = timeout

    def connect(self) -> Connack:
        """As Client.connect."""
        return self._wait(self.client.connect(timeout=self._timeout), self._beyond(self._timeout, 15))

    def end(self, force: bool = False) -> None:
        """As Client.end."""
        if _background.is_running_here():
            self._wait(self.client.end(force), 20)

    def __enter__(self) -> BlockingClient:
        self.connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    async def __aenter__(self) -> NoReturn:
        raise UsageError("a BlockingClient blocks the event loop; use `async with mqtt_sim.Client(url) as client`")

    async def __aexit__(self, *_: object) -> None: ...

    def __await__(self) -> NoReturn:
        raise UsageError(
            "connect() has connected already, and blocks; with asyncio use `async with mqtt_sim.Client(url)`"
        )

    @property
    def state(self) -> str:
        """As Client.state."""
        return self.client.state

    @property
    def client_id(self) -> str:
        """As Client.client_id."""
        return self.client.client_id

    def __repr__(self) -> str:
        return f"<BlockingClient {self.client_id!r} at {self.client.url}: {self.state}>"

    def on(self, event: str, handler: Handler) -> Handler:
        """As Client.on; the handler runs on the loop's thread."""
        return self._call(lambda: self.client.on(event, handler))

    def publish(self, topic: str, payload: Payload = b"", qos: int = 0, **options: Any) -> Delivery:
        """Publishes and waits until it has completed. As Client.publish."""

        async def work() -> Delivery:
            return await self.client.publish(topic, payload, qos, **options)

        return self._wait(work(), self._timeout)

    def publish_json(self, topic: str, value: Any, qos: int = 0, **options: Any) -> Delivery:
        """As Client.publish_json, and waits until it has completed."""

        async def work() -> Delivery:
            return await self.client.publish_json(topic, value, qos, **options)

        return self._wait(work(), self._timeout)

    def subscribe(self, topic: Filters, qos: int = 0, **options: Any) -> list[Grant]:
        """As Client.subscribe."""

        async def work() -> list[Grant]:
            return await self.client.subscribe(topic, qos, **options)

        return self._wait(work(), self._timeout)

    def unsubscribe(self, topic: str | list[str] | tuple[str, ...]) -> list[int]:
        """As Client.unsubscribe."""

        async def work() -> list[int]:
            return await self.client.unsubscribe(topic)

        return self._wait(work(), self._timeout)

    def request(self, topic: str, payload: Payload = b"", *, timeout: float = 5.0, **options: Any) -> Message:
        """As Client.request."""
        check_patience(timeout, "request")
        return self._wait(self.client.request(topic, payload, timeout=timeout, **options), self._beyond(timeout, 5))

    def messages(self, topic_filter: str | None = None, *, timeout: float | None = None) -> Iterator[Message]:
        """Received messages, until the client ends or none has come for `timeout` seconds."""
        check_patience(timeout, "messages")
        stream = self._call(lambda: self.client.messages(topic_filter))
        return self._read(stream, timeout)

    def _read(self, stream: MessageStream, timeout: float | None) -> Iterator[Message]:
        try:
            while True:
                try:
                    yield self._wait(stream.get(timeout), None)
                except (TimeoutError, EOFError):
                    return
        finally:
            if _background.is_running_here():
                self._call(stream.close)

    @staticmethod
    def _beyond(timeout: float | None, seconds: float) -> float | None:
        return None if timeout is None else timeout + seconds

    def _call(self, function: Callable[[], _T]) -> _T:
        async def work() -> _T:
            return function()

        return self._wait(work(), self._timeout)

    def _wait(self, work: Coroutine[Any, Any, _T], timeout: float | None) -> _T:
        return _background.wait(work, timeout)


def connect(url: str = "mqtt://localhost:1883", **options: Any) -> BlockingClient:
    """A connected BlockingClient. Raises ConnectError, and UsageError for a wrong URL or keyword."""
    client = BlockingClient(url, **options)
    client.connect()
    return client


class _Background:
    """The thread that runs the loop of all blocking clients, from the first call on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = 0

    def is_running_here(self) -> bool:
        """Whether calls can be made."""
        return self._thread is not None and self._thread.is_alive() and self._process == os.getpid()

    def wait(self, work: Coroutine[Any, Any, _T], timeout: float | None) -> _T:
        """Runs `work` on the loop and waits for it; `timeout` in seconds."""
        if threading.current_thread() is self._thread:
            work.close()
            raise UsageError("a handler must not wait for the loop that runs it; use the client's `client`")
        future = asyncio.run_coroutine_threadsafe(work, self._running_loop())
        try:
            return future.result(timeout)
        except TimeoutError as error:
            if not future.done():
                future.cancel()
                raise ResponseTimeout(f"no answer within {timeout:g} s") from None
            raise error
        except BaseException:
            future.cancel()
            raise

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._thread is not None and not self.is_running_here() and self._process == os.getpid():
                raise ClientClosed("the interpreter is shutting down")
            if self._loop is None or self._process != os.getpid():
                self._process = os.getpid()
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=run_until_stopped, args=(self._loop,), name="mqtt-sim-clients", daemon=True
                )
                self._thread.start()
            return self._loop

    def stop(self) -> None:
        """At the end of the interpreter."""
        if self.is_running_here() and self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(2)
            if not self._thread.is_alive():
                self._loop.close()


_background = _Background()
atexit.register(_background.stop)
