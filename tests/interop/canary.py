"""An ordinary client beside hostile ones: it sings as long as the broker is well."""

from __future__ import annotations

import time

from raw_mqtt import CONNACK, PUBLISH, SUBACK, V311, RawClient, connect, publish, subscribe


def connected(port: int, client_id: str, level: int = V311, **options: object) -> RawClient:
    """A client with its CONNACK."""
    client = RawClient(port)
    client.send(connect(client_id, level, **options))  # type: ignore[arg-type]
    frame = client.receive()
    assert frame is not None
    assert (frame.kind, frame.body[1]) == (CONNACK, 0)
    return client


class Canary:
    """An ordinary client beside the hostile ones."""

    def __init__(self, port: int) -> None:
        self.client = connected(port, "canary", keep_alive=0)
        self.client.send(subscribe(1, [("canary", 1)]))
        frame = self.client.receive()
        assert frame is not None
        assert frame.kind == SUBACK

    def sing(self) -> float:
        """One message to itself; how long it took, in seconds."""
        began = time.perf_counter()
        self.client.send(publish("canary", b"tweet"))
        frame = self.client.receive()
        assert frame is not None
        assert frame.kind == PUBLISH
        return time.perf_counter() - began
