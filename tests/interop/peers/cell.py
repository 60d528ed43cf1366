"""What the peers written in Python share: the messages of a cell, and the line that tells how it went."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

SIZES = (0, 1, 125, 126, 127, 1000, 16_383, 16_384, 65_535, 65_536, 100_000)
"""Around the places where a length takes one byte more: of a packet, of a WebSocket frame, of a TLS record."""

BURST = 50
PATIENCE_S = 10.0
LEVELS = (3, 4, 5)
QOS = (0, 1, 2)


@dataclass(frozen=True)
class Address:
    """A broker's URL in parts, and the authority to trust."""

    scheme: str
    host: str
    port: int
    path: str
    ca: str | None
    foreign_ca: str | None

    @property
    def is_tls(self) -> bool:
        return self.scheme in ("mqtts", "wss")

    @property
    def is_websocket(self) -> bool:
        return self.scheme in ("ws", "wss")


def address_from_arguments() -> Address:
    """PROGRAM URL [CA FOREIGN_CA]."""
    url, ca, foreign_ca = [*sys.argv[1:], None, None][:3]
    assert url
    scheme, _, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    host, _, port = place.partition(":")
    return Address(scheme, host, int(port), slash + path, ca, foreign_ca)


def payload_of(index: int, size: int) -> bytes:
    pattern = bytes((index + 7 * i) % 256 for i in range(256))
    return (pattern * (size // 256 + 1))[:size]


def root_of(peer: str, level: int, qos: int) -> str:
    return f"matrix/{peer}/{level}/{qos}"


def expect(condition: object, what: str) -> None:
    """Unlike assert, this stays under every option of the interpreter."""
    if not condition:
        raise ValueError(what)


def report(row: dict[str, object], check: Callable[[], object]) -> None:
    """Does it and prints how it went."""
    began, detail = time.monotonic(), ""
    try:
        check()
    except Exception as error:
        detail = f"{type(error).__name__}: {error}"
    seconds = round(time.monotonic() - began, 3)
    print(json.dumps({**row, "passed": not detail, "detail": detail, "seconds": seconds}), flush=True)


def report_all(cell: Callable[[int, int], object], levels: tuple[int, ...] = LEVELS) -> None:
    """Every level and QoS."""
    for level in levels:
        for qos in QOS:
            report({"level": level, "qos": qos}, lambda level=level, qos=qos: cell(level, qos))
