"""`--embedded`: the broker of a command that otherwise looks for one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mqtt_sim.broker_url import DEFAULT_PORT
from mqtt_sim.command.client_flags import ClientFlags
from mqtt_sim.errors import UsageError


@contextmanager
def broker_here(flags: ClientFlags, *, wanted: bool) -> Iterator[str]:
    """The address of the broker to use; with `wanted` of one that runs here as long as the context lasts."""
    if not wanted:
        yield flags.address()
        return
    if flags.url is not None or flags.unix is not None or flags.protocol is not None:
        raise UsageError("--embedded starts a broker here: leave out the address of another one")
    from mqtt_sim.broker import Broker

    with Broker(host=flags.host or "127.0.0.1", port=DEFAULT_PORT if flags.port is None else flags.port) as broker:
        print(f"broker at {broker.url}", file=sys.stderr, flush=True)
        yield broker.url
