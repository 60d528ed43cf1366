"""Progress as plain lines, one a snapshot, for logs and pipes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mqtt_sim.quantity import format_ns


def progress_line(snapshot: Mapping[str, Any]) -> str:
    """`12s running clients=2003 sent=1000/s received=4000/s p50=0.1ms p99=0.4ms`."""
    clients = snapshot.get("clients") or {}
    interval = snapshot.get("interval") or {}
    fields = [
        f"{float(snapshot.get('elapsed_s') or 0):.0f}s",
        str(snapshot.get("phase", "")),
        f"clients={clients.get('up', 0)}",
        f"sent={float(snapshot.get('sent_per_s') or 0):.0f}/s",
        f"received={float(snapshot.get('received_per_s') or 0):.0f}/s",
    ]
    if clients.get("failed"):
        fields.insert(3, f"failed={clients['failed']}")
    if interval.get("count"):
        fields += [f"{name}={format_ns(float(interval[name])).replace(' ', '')}" for name in ("p50", "p99", "max")]
    return " ".join(fields)
