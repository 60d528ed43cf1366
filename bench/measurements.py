"""What is measured. Each function makes its runs once and gives numbers by key: `run.figure`, such as `sim.cpu_s`.

The same key comes back in each repetition. Yardsticks run right beside what they are held against, so that a machine
that is busy with other things is as unkind to both.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from processes import BenchError, Connects, Process, run_bounded, tcp_sockets, watch_connects
from programs import HOST, SET_UP_S, Broker, Programs, numbers_in, scenario_run, shown

MILLION = 1_000_000
IDLE_BASE = 1_000
"""Clients of the smaller of two runs, whose difference gives what one more client costs."""
IDLE_HOLD_S = 3
"""How long idle clients stay."""
SETTLE_S = 1.5
CONNECTS_IN_PROGRESS = 64
"""At once, as mqtt-sim does by default; mload is told the same."""

Numbers = dict[str, float]
StartBroker = Callable[[], AbstractContextManager[Broker]]


@dataclass
class Lengths:
    """How long and how large the runs are."""

    full_speed_s: int = 5
    open_loop_s: int = 20
    virtual_s: int = 60
    clients: int = 8_000


@dataclass
class Bench:
    """What the measurements share, and the command of each run by the name before the dot of its keys."""

    programs: Programs
    lengths: Lengths
    commands: dict[str, str] = field(default_factory=dict)

    def brokers(self) -> list[StartBroker]:
        """Those that can be started: ours, and Mosquitto if it is installed."""
        found: list[StartBroker] = [self.programs.embedded_broker]
        if self.programs.mosquitto:
            found.append(self.programs.mosquitto_broker)
        return found

    def told(self, run: str, command: Sequence[str], broker: Broker | None = None) -> list[str]:
        """The command, after noting it."""
        start = {"embedded": "mqtt-sim broker --port PORT --certs certs & ", "Mosquitto": "mosquitto -c bench.conf & "}
        self.commands[run] = (start[broker.name] if broker else "") + shown(command)
        return list(command)


def measure_full_speed(bench: Bench) -> Numbers:
    """10 producers to 10 consumers, at most 100 messages in flight each: our generator and mload on the same broker."""
    numbers: Numbers = {}
    for qos in (0, 1):
        numbers |= _full_speed_inside(bench, qos)
        for start in bench.brokers():
            with start() as broker:
                numbers |= _full_speed(bench, broker, qos)
                if bench.programs.yardsticks:
                    numbers |= _mload_full_speed(bench, broker, qos, window=100)
    return numbers


def measure_one_in_flight(bench: Bench) -> Numbers:
    """The same brokers when nothing can be batched: each producer waits for its message to arrive."""
    numbers: Numbers = {}
    if bench.programs.yardsticks:
        for qos in (0, 1):
            for start in bench.brokers():
                with start() as broker:
                    numbers |= _mload_full_speed(bench, broker, qos, window=1)
    return numbers


def measure_open_loop(bench: Bench) -> Numbers:
    """2,000 messages a second on a timetable, through the embedded broker; and through bare sockets (raw)."""
    seconds = bench.lengths.open_loop_s
    command = bench.told("open_loop", scenario_run("open_loop", {"duration": f"{seconds}s"}))
    report, _ = bench.programs.report_of(command, seconds + SET_UP_S)
    generator, metrics = report["generator"], report["metrics"]
    rate_per_s = generator["rate_offered_per_s"]  # without what was sent after the end
    numbers = {
        "open_loop.rate_error_percent": abs(rate_per_s / generator["rate_planned_per_s"] - 1) * 100,
        "open_loop.bins_variation": generator["bins_variation"],
        "open_loop.latency_us_p50": metrics["latency"]["p50"] / 1e3,
        "open_loop.latency_us_p99": metrics["latency"]["p99"] / 1e3,
        "open_loop.lateness_us_p50": metrics["lateness"]["p50"] / 1e3,
        "open_loop.cpu_us_per_message": shard_cpu_s(report) / report["counts"]["delivered"] * 1e6,
    }
    if bench.programs.yardsticks:
        clients = report["groups"][0]["clients"]
        paced = bench.told("raw_paced", bench.programs.yardstick("raw", "paced", clients, seconds))
        raw = numbers_in(run_bounded(paced, seconds + SET_UP_S).output)
        numbers["raw_paced.latency_us_p50"] = raw["p50"]
        numbers["raw_paced.latency_us_p99"] = raw["p99"]
        numbers["raw_paced.cpu_us_per_message"] = raw["cpu_us_per_msg"]
    return numbers


def measure_idle(bench: Bench) -> Numbers:
    """Clients that connect and stay: what one more costs in memory and CPU on each side, and how fast they come."""
    numbers: Numbers = {}
    for start in bench.brokers():
        numbers |= _idle(bench, start, "mqtt_sim")
        if bench.programs.yardsticks:
            numbers |= _idle(bench, start, "mload")
    return numbers


def measure_virtual_time(bench: Bench) -> Numbers:
    """CPU of whole runs in virtual time, start-up included: 1,000 pairs, and the dialogue scenario."""
    numbers: Numbers = {}
    duration = f"{bench.lengths.virtual_s}s"
    pairs = {"duration": duration, "producers.sender.count": 1000, "consumers.receiver.count": 1000}
    for run, scenario, settings in (
        ("sim", "open_loop", pairs),
        ("sim_episode4", "episode4", {"duration": duration}),
    ):
        command = bench.told(run, scenario_run(scenario, settings, sim=True))
        report, cpu_s = bench.programs.report_of(command, SET_UP_S + 10 * bench.lengths.virtual_s)
        numbers[f"{run}.cpu_s"] = cpu_s
        numbers[f"{run}.delivered"] = report["counts"]["delivered"]
    return numbers


def full_speed_settings(bench: Bench, qos: int) -> dict[str, object]:
    """Of throughput.json."""
    return {
        "duration": f"{bench.lengths.full_speed_s}s",
        "producers.sender.qos": qos,
        "consumers.receiver.qos": qos,
    }


def _full_speed_inside(bench: Bench, qos: int) -> Numbers:
    """With the embedded broker in the generator's own process; the report keeps the two apart."""
    run = f"inside_qos{qos}"
    command = bench.told(run, scenario_run("throughput", full_speed_settings(bench, qos)))
    report, _ = bench.programs.report_of(command, bench.lengths.full_speed_s + SET_UP_S)
    millions = delivered(report) / MILLION
    return {
        f"{run}.generator_cpu_s": shard_cpu_s(report) / millions,
        f"{run}.broker_cpu_s": report["broker"]["cpu_s"] / millions,
        f"{run}.messages_per_s": delivered(report) / report["elapsed_s"],
    }


def _full_speed(bench: Bench, broker: Broker, qos: int) -> Numbers:
    run = f"{broker.name}_qos{qos}"
    command = bench.told(run, scenario_run("throughput", full_speed_settings(bench, qos), broker=broker), broker)
    before = broker.process.cpu_s()
    report, cpu_s = bench.programs.report_of(command, bench.lengths.full_speed_s + SET_UP_S)
    millions = delivered(report) / MILLION
    return {
        f"{run}.generator_cpu_s": shard_cpu_s(report) / millions,
        f"{run}.process_cpu_s": cpu_s / millions,
        f"{run}.broker_cpu_s": (broker.process.cpu_s() - before) / millions,
        f"{run}.messages_per_s": delivered(report) / report["elapsed_s"],
    }


def _mload_full_speed(bench: Bench, broker: Broker, qos: int, window: int) -> Numbers:
    run = f"mload_{broker.name}_qos{qos}_window{window}"
    arguments = ("thr", HOST, broker.port, 10, 10, qos, bench.lengths.full_speed_s, window, "p2p")
    command = bench.told(run, bench.programs.yardstick("mload", *arguments), broker)
    before = broker.process.cpu_s()
    printed = numbers_in(run_bounded(command, bench.lengths.full_speed_s + SET_UP_S).output)
    broker_cpu_s = broker.process.cpu_s() - before
    if not printed.get("recv") or broker_cpu_s <= 0:
        raise BenchError(f"mload on {broker.name}: nothing was delivered")
    return {
        f"{run}.generator_cpu_s": printed["gen_cpu_s_per_Mrecv"],
        f"{run}.broker_cpu_s": broker_cpu_s / printed["recv"] * MILLION,
        f"{run}.messages_per_broker_cpu_s": printed["recv"] / broker_cpu_s,
        f"{run}.messages_per_s": printed["recv_per_s"],
    }


def shard_cpu_s(report: dict[str, Any]) -> float:
    """Of the generator's threads while messages were sent."""
    return float(sum(shard["cpu_s"] for shard in report["generator"]["shards"]))


def delivered(report: dict[str, Any]) -> int:
    """Messages; raises BenchError when there were none."""
    messages = int(report["counts"]["delivered"])
    if not messages:
        raise BenchError(f"nothing was delivered: {json.dumps(report['failure'] or report['errors'])[:200]}")
    return messages


@dataclass(frozen=True)
class _Held:
    """Resident memory of both processes while the clients are connected and silent, and how they connected."""

    connects: Connects
    load_bytes: int
    broker_bytes: int


def _idle(bench: Bench, start: StartBroker, tool: str) -> Numbers:
    def command(broker: Broker, clients: int) -> tuple[str, list[str]]:
        return f"{tool}_idle_{broker.name}", _idle_command(bench, broker, tool, clients)

    return idle_figures(bench, start, command, IDLE_BASE, bench.lengths.clients)


IdleCommand = Callable[[Broker, int], tuple[str, list[str]]]
"""For a broker and a number of clients: the name of the run and what connects them and holds them."""


def idle_figures(bench: Bench, start: StartBroker, command: IdleCommand, base: int, clients: int) -> Numbers:
    """What one more idle client costs each side, from `base` to `clients` of them, and how they connect."""
    run, few = _hold(bench, start, command, base)
    run, many = _hold(bench, start, command, clients)
    more = clients - base
    return {
        f"{run}.generator_bytes": (many.load_bytes - few.load_bytes) / more,
        f"{run}.generator_process_mib": many.load_bytes / 2**20,
        f"{run}.broker_bytes": (many.broker_bytes - few.broker_bytes) / more,
        f"{run}.connects_per_s": many.connects.per_s,
        f"{run}.generator_cpu_us": many.connects.load_cpu_us,
        f"{run}.broker_cpu_us": many.connects.broker_cpu_us,
    }


def _hold(bench: Bench, start: StartBroker, idle_command: IdleCommand, clients: int) -> tuple[str, _Held]:
    """The name of the run and what was seen. Both processes are new, so no earlier run has left memory behind."""
    with start() as broker:
        run, arguments = idle_command(broker, clients)
        command = bench.told(run, arguments, broker)
        before = tcp_sockets()
        with Process(command, bench.programs.folder / "idle.log") as load:
            try:
                connects = watch_connects(load, broker.process, before, clients, SET_UP_S)
            except BenchError as error:
                raise BenchError(f"{run}, {clients:,} clients, of {tcp_sockets() - before} sockets: {error}") from None
            time.sleep(SETTLE_S)
            if not load.is_running():
                raise load.failure(f"{run} ended while its clients should have been idle")
            held = _Held(connects, load.resident_bytes(), broker.process.resident_bytes())
            output, exit_code = load.wait(IDLE_HOLD_S + SET_UP_S)
            if exit_code:
                raise BenchError(f"{shown(command)}: exit code {exit_code}: {output.strip()[-200:]}")
        return run, held


def _idle_command(bench: Bench, broker: Broker, tool: str, clients: int) -> list[str]:
    if tool == "mload":
        arguments = ("conn", HOST, broker.port, clients, CONNECTS_IN_PROGRESS, IDLE_HOLD_S)
        return bench.programs.yardstick("mload", *arguments)
    return scenario_run("idle", {"duration": f"{IDLE_HOLD_S}s", "devices.idle.count": clients}, broker=broker)
