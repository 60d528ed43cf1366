"""The rows of the table: which number stands beside which, and what is to be reached."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Comparison(Enum):
    """How ours relates to what stands beside it, repetition by repetition."""

    RATIO = "×"
    DIFFERENCE = "−"


@dataclass(frozen=True)
class Reach:
    """A limit, on our figure or on the comparison."""

    limit: float
    is_least: bool = False
    on_comparison: bool = False

    def is_met(self, value: float) -> bool:
        """Whether a value is on the right side of the limit."""
        return value >= self.limit if self.is_least else value <= self.limit


@dataclass(frozen=True)
class Row:
    """One figure. `ours` and `beside` are keys of measured numbers."""

    figure: str
    ours: str
    beside: str | None = None
    beside_name: str = ""
    comparison: Comparison | None = None
    reach: Reach | None = None


def at_most(limit: float, *, compared: bool = False) -> Reach:
    """Ours, or its comparison, is to stay below."""
    return Reach(limit, on_comparison=compared)


def at_least(limit: float, *, compared: bool = False) -> Reach:
    """Ours, or its comparison, is to get above."""
    return Reach(limit, is_least=True, on_comparison=compared)


RATIO, DIFFERENCE = Comparison.RATIO, Comparison.DIFFERENCE


def _generator_rows(qos: int, limit: float) -> list[Row]:
    on_embedded, on_mosquitto = f"mload_embedded_qos{qos}_window100", f"mload_Mosquitto_qos{qos}_window100"
    figure = f"generator, QoS {qos}: CPU s / million delivered"
    return [
        Row(
            f"{figure}, broker inside",
            f"inside_qos{qos}.generator_cpu_s",
            f"{on_embedded}.generator_cpu_s",
            "mload, broker outside",
            RATIO,
            at_most(limit),
        ),
        Row(
            f"{figure}, broker outside",
            f"embedded_qos{qos}.generator_cpu_s",
            f"{on_embedded}.generator_cpu_s",
            "mload",
            RATIO,
            at_most(limit),
        ),
        Row(
            f"{figure}, broker outside, whole process with start-up",
            f"embedded_qos{qos}.process_cpu_s",
            f"{on_embedded}.generator_cpu_s",
            "mload",
            RATIO,
            at_most(limit),
        ),
        Row(
            f"{figure}, on Mosquitto",
            f"Mosquitto_qos{qos}.generator_cpu_s",
            f"{on_mosquitto}.generator_cpu_s",
            "mload",
            RATIO,
        ),
        Row(
            f"delivered messages / s, QoS {qos}, broker outside",
            f"embedded_qos{qos}.messages_per_s",
            f"{on_embedded}.messages_per_s",
            "mload",
            RATIO,
        ),
    ]


def _broker_row(qos: int, window: int, least: float) -> Row:
    kind = "100 in flight" if window > 1 else "1 in flight"
    return Row(
        f"embedded broker, QoS {qos}, {kind}: messages / broker CPU s",
        f"mload_embedded_qos{qos}_window{window}.messages_per_broker_cpu_s",
        f"mload_Mosquitto_qos{qos}_window{window}.messages_per_broker_cpu_s",
        "Mosquitto",
        RATIO,
        at_least(least, compared=True),
    )


def _connect_rows(broker: str) -> list[Row]:
    ours, mload = f"mqtt_sim_idle_{broker}", f"mload_idle_{broker}"
    where = "the embedded broker" if broker == "embedded" else broker
    return [
        Row(
            f"connects / s to {where}",
            f"{ours}.connects_per_s",
            f"{mload}.connects_per_s",
            "mload",
            RATIO,
        ),
        Row(
            f"generator CPU µs / connect to {where}",
            f"{ours}.generator_cpu_us",
            f"{mload}.generator_cpu_us",
            "mload",
            RATIO,
            at_most(50),
        ),
    ]


def _transport_rows(transport: str, most: float | None) -> list[Row]:
    return [
        Row(
            f"QoS 0 at full speed over {transport}: CPU s / million delivered, generator and broker",
            f"throughput_{transport}.cpu_s",
            "throughput_tcp.cpu_s",
            "tcp",
            RATIO,
            None if most is None else at_most(most, compared=True),
        ),
        Row(
            f"delivered messages / s over {transport}",
            f"throughput_{transport}.messages_per_s",
            "throughput_tcp.messages_per_s",
            "tcp",
            RATIO,
        ),
    ]


def _client_row(what: str, work: str, library: str) -> Row:
    return Row(
        f"mqtt_sim.Client: messages / CPU s, {what}",
        f"mqtt_sim_{work}.messages_per_cpu_s",
        f"{library}_{work}.messages_per_cpu_s",
        library,
        RATIO,
        at_least(3, compared=True),
    )


def _idle_rows(transport: str, client_bytes: float | None, broker_bytes: float | None) -> list[Row]:
    return [
        Row(
            f"one more idle {transport} client: bytes in the generator",
            f"idle_{transport}_embedded.generator_bytes",
            f"paho_{transport}.generator_bytes",
            "paho",
            RATIO,
            None if client_bytes is None else at_most(client_bytes),
        ),
        Row(
            f"one more idle {transport} connection: bytes in the embedded broker",
            f"idle_{transport}_embedded.broker_bytes",
            f"idle_{transport}_Mosquitto.broker_bytes",
            "Mosquitto",
            RATIO,
            None if broker_bytes is None else at_most(broker_bytes),
        ),
    ]


ROWS = [
    *_generator_rows(0, 0.8),
    *_generator_rows(1, 1.6),
    _broker_row(0, 100, 8),
    _broker_row(1, 100, 8),
    _broker_row(0, 1, 1.2),
    _broker_row(1, 1, 1.2),
    Row("open loop: rate in time off the planned one by, %", "open_loop.rate_error_percent", reach=at_most(0.1)),
    Row("open loop: variation of 100 ms bins", "open_loop.bins_variation", reach=at_most(0.02)),
    Row(
        "open loop: latency from the intended time, p50 µs",
        "open_loop.latency_us_p50",
        "raw_paced.latency_us_p50",
        "raw paced",
        DIFFERENCE,
        at_most(50, compared=True),
    ),
    Row(
        "open loop: the same, p99 µs",
        "open_loop.latency_us_p99",
        "raw_paced.latency_us_p99",
        "raw paced",
        DIFFERENCE,
    ),
    Row("open loop: lateness of the generator, p50 µs", "open_loop.lateness_us_p50"),
    Row(
        "open loop: CPU µs / message, both ends",
        "open_loop.cpu_us_per_message",
        "raw_paced.cpu_us_per_message",
        "raw paced",
        RATIO,
    ),
    Row(
        "one more idle client: bytes in the generator",
        "mqtt_sim_idle_embedded.generator_bytes",
        "mload_idle_embedded.generator_bytes",
        "mload",
        RATIO,
        at_most(2048),
    ),
    Row(
        "one more idle connection: bytes in the embedded broker",
        "mqtt_sim_idle_embedded.broker_bytes",
        "mqtt_sim_idle_Mosquitto.broker_bytes",
        "Mosquitto",
        RATIO,
        at_most(4096),
    ),
    Row("whole generator process with all idle clients, MiB", "mqtt_sim_idle_embedded.generator_process_mib"),
    *_connect_rows("embedded"),
    *_connect_rows("Mosquitto"),
    Row(
        "embedded broker CPU µs / connect",
        "mqtt_sim_idle_embedded.broker_cpu_us",
        "mqtt_sim_idle_Mosquitto.broker_cpu_us",
        "Mosquitto",
        RATIO,
    ),
    Row("virtual time, 1,000 + 1,000 clients at 1 msg/s: CPU s of the process", "sim.cpu_s", reach=at_most(10)),
    Row("virtual time, episode4.json: CPU s of the process", "sim_episode4.cpu_s"),
    *_transport_rows("ws", 1.5),
    *_transport_rows("tls", 2.0),
    *_transport_rows("wss", None),
    *_idle_rows("ws", 4 * 1024, 4 * 1024),
    *_idle_rows("tls", 20 * 1024, 20 * 1024),
    *_idle_rows("wss", None, None),
    Row(
        "TLS: generator CPU µs / connect to the embedded broker",
        "idle_tls_embedded.generator_cpu_us",
        "paho_tls.generator_cpu_us",
        "paho",
        RATIO,
        at_most(400),
    ),
    Row(
        "TLS: generator CPU µs / connect to Mosquitto",
        "idle_tls_Mosquitto.generator_cpu_us",
        "paho_tls.generator_cpu_us",
        "paho",
        RATIO,
        at_most(400),
    ),
    Row(
        "TLS: embedded broker CPU µs / connect",
        "idle_tls_embedded.broker_cpu_us",
        "idle_tls_Mosquitto.broker_cpu_us",
        "Mosquitto",
        RATIO,
    ),
    Row(
        "5,000 devices in Python at 1 msg/s: from the meant time until on the stream, p99 ms",
        "devices.late_ms_p99",
        "device_tasks.late_ms_p99",
        "asyncio tasks",
        DIFFERENCE,
        at_most(20),
    ),
    Row("the same, p50 ms", "devices.late_ms_p50", "device_tasks.late_ms_p50", "asyncio tasks", DIFFERENCE),
    Row("the same, max ms", "devices.late_ms_max", "device_tasks.late_ms_max", "asyncio tasks", DIFFERENCE),
    Row("their timers alone, p99 ms", "devices.timer_late_ms_p99"),
    Row(
        "devices: CPU µs / message, the thread of the scripts",
        "devices.python_cpu_us",
        "device_tasks.cpu_us",
        "asyncio tasks",
        RATIO,
    ),
    Row("devices: CPU µs / message, engine and broker", "devices.engine_cpu_us"),
    Row("devices in virtual time: CPU µs / message, all of it", "devices_sim.cpu_us", reach=at_most(33)),
    Row(
        "devices: CPU minutes for a virtual hour of 18 million messages", "devices_sim.hour_cpu_min", reach=at_most(10)
    ),
    Row("devices: whole process at most, MiB", "devices_sim.peak_mib"),
    Row(
        "devices: bytes a device that memory grew in five times the time", "devices_sim.grown_bytes", reach=at_most(256)
    ),
    *(
        _client_row(what, work, library)
        for what, work in (
            ("received at QoS 0", "receive"),
            ("published at QoS 0", "publish0"),
            ("published at QoS 1", "publish1"),
        )
        for library in ("aiomqtt", "paho")
    ),
    Row("import mqtt_sim, ms", "python_import.ms", reach=at_most(300)),
]
