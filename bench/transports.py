"""What TLS and WebSocket cost: an idle client, a connect, a message; beside plain TCP or a peer in the same run."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path

from measurements import (
    IDLE_HOLD_S,
    MILLION,
    Bench,
    IdleCommand,
    Numbers,
    delivered,
    full_speed_settings,
    idle_figures,
    shard_cpu_s,
)
from programs import SET_UP_S, Broker, scenario_run

SCHEMES = {"tls": "mqtts", "ws": "ws", "wss": "wss"}
IDLE_BASE = 500
"""Clients of the smaller of two runs."""
PAHO_BASE, PAHO_CLIENTS = 100, 300
"""Its loop cannot wait for descriptors above 1,023, and it has three a client."""
PAHO_IDLE = Path(__file__).with_name("paho_idle.py")


def measure_transports(bench: Bench) -> Numbers:
    """Full speed over each transport, idle clients and connects over each; paho and Mosquitto beside TLS."""
    numbers: Numbers = {}
    for transport in ("tcp", *SCHEMES):
        numbers |= _full_speed(bench, transport)
    for transport in SCHEMES:
        numbers |= _idle(bench, transport, ours=True)
        if bench.programs.mosquitto:
            numbers |= _idle(bench, transport, ours=False)
    return numbers | _paho(bench)


def _full_speed(bench: Bench, transport: str) -> Numbers:
    """Generator and embedded broker, each on a thread of its own, both sides of the transport."""
    run = f"throughput_{transport}"
    command = bench.told(run, scenario_run("throughput", {**full_speed_settings(bench, 0), "transport": transport}))
    report, _ = bench.programs.report_of(command, bench.lengths.full_speed_s + SET_UP_S)
    millions = delivered(report) / MILLION
    return {
        f"{run}.cpu_s": (shard_cpu_s(report) + report["broker"]["cpu_s"]) / millions,
        f"{run}.generator_cpu_s": shard_cpu_s(report) / millions,
        f"{run}.messages_per_s": delivered(report) / report["elapsed_s"],
    }


def _idle(bench: Bench, transport: str, *, ours: bool) -> Numbers:
    def start() -> AbstractContextManager[Broker]:
        make = bench.programs.embedded_broker if ours else bench.programs.mosquitto_broker
        return make(SCHEMES[transport])

    def command(broker: Broker, clients: int) -> tuple[str, list[str]]:
        settings: dict[str, object] = {"duration": f"{IDLE_HOLD_S}s", "devices.idle.count": clients}
        if transport != "ws":
            settings["client.tls.ca"] = bench.programs.certificates / "ca.pem"
        return f"idle_{transport}_{broker.name}", scenario_run("idle", settings, broker=broker)

    return idle_figures(bench, start, command, IDLE_BASE, bench.lengths.clients // 2)


def _paho(bench: Bench) -> Numbers:
    """What an MQTT library in Python spends on the same TLS clients at the same broker."""

    def start() -> AbstractContextManager[Broker]:
        return bench.programs.embedded_broker("mqtts")

    command: IdleCommand = lambda broker, clients: (  # noqa: E731
        "paho_tls",
        [
            *(sys.executable, str(PAHO_IDLE), str(broker.port)),
            *(str(clients), str(bench.programs.certificates / "ca.pem"), str(IDLE_HOLD_S)),
        ],
    )
    return idle_figures(bench, start, command, PAHO_BASE, PAHO_CLIENTS)
