"""Where a run took place: the machine, the versions, and how many files a process may open."""

from __future__ import annotations

import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any

from mqtt_sim.errors import CouldNotRun

DESCRIPTORS_BESIDE_CLIENTS = 64
"""Listener, epoll, files and libraries."""


def describe_machine() -> dict[str, Any]:
    """What a reader of a report must know to compare it with another."""
    return {
        "clock": "monotonic",
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }


def describe_versions(core_version: str) -> dict[str, str]:
    """Of the parts that took part."""
    return {"core": core_version, "python": platform.python_version()}


def require_descriptors(clients: int, *, embedded_broker: bool) -> None:
    """Makes sure that every client can have its file descriptors: raises this process's soft limit as far as needed.

    A connection to the embedded broker has both of its ends here. Raises CouldNotRun, with two ways out.
    """
    needed = clients * (2 if embedded_broker else 1) + DESCRIPTORS_BESIDE_CLIENTS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return
    if hard == resource.RLIM_INFINITY or needed <= hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        return
    raise CouldNotRun(_too_few_descriptors(clients, needed, hard, embedded_broker), kind="descriptors")


def _too_few_descriptors(clients: int, needed: int, limit: int, embedded_broker: bool) -> str:
    share = "two each, since the broker is in this process too, and" if embedded_broker else "one each and"
    fitting = max(0, (limit - DESCRIPTORS_BESIDE_CLIENTS) // (2 if embedded_broker else 1))
    fewer = f"use at most {fitting} clients"
    if embedded_broker:
        fewer += ", or move the broker out with --broker, which halves the need"
    return (
        f"{clients} clients need {needed} file descriptors ({share} {DESCRIPTORS_BESIDE_CLIENTS} beside them), "
        f"but this process may open {limit}. "
        f"Two ways out: raise the limit (ulimit -n {needed}, or LimitNOFILE={needed} in a systemd unit); or {fewer}."
    )


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
