"""A stand-in for the compiled module `mqtt_sim._core`, with the same surface, that does what a test tells it.

It runs no client: start() succeeds or raises what the test asked for, poll() hands out prepared snapshots, result() a
prepared document. So everything around the engine can be tested in milliseconds.
"""

from __future__ import annotations

import json
import os
import signal
from typing import Any

from hdrh.histogram import HdrHistogram

HIGHEST_NS = 3_600_000_000_000


class PlanError(ValueError):
    def __init__(self, path: str, value: str, message: str) -> None:
        super().__init__(f"{path}: {message}, found {value}")
        self.path, self.value, self.message = path, value, message


class RunError(ValueError):
    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind, self.text = kind, text


class CorpusError(ValueError):
    def __init__(self, path: str, line: int, column: int, expected: str) -> None:
        super().__init__(f"{path}:{line}:{column}: {expected}")
        self.path, self.line, self.column, self.expected = path, line, column, expected


def metric(values_ns: list[int]) -> dict[str, Any]:
    """A metric of the result as the core writes it."""
    histogram = HdrHistogram(1, HIGHEST_NS, 3)
    for value in values_ns:
        histogram.record_value(value)
    empty: dict[str, Any] = dict.fromkeys(("min", "mean", "p50", "p90", "p99", "p99.9", "max"))
    if not values_ns:
        return {"unit": "ns", "count": 0, **empty, "hdr": histogram.encode().decode()}
    return {
        "unit": "ns",
        "count": len(values_ns),
        "min": min(values_ns),
        "mean": round(sum(values_ns) / len(values_ns)),
        **{f"p{p:g}": histogram.get_value_at_percentile(p) for p in (50, 90, 99, 99.9)},
        "max": max(values_ns),
        "hdr": histogram.encode().decode(),
    }


COUNTERS = (
    "planned offered written acknowledged delivered expected lost duplicated reordered undecodable foreign connected "
    "connect_failed refused disconnected reconnected publish_failed unsent unacknowledged unexpected_acks "
    "bytes_in bytes_out"
).split()
BROKER_COUNTS = "clients sessions subscriptions messages_in messages_out dropped_slow dropped_absent".split()
METRICS = (
    "connect connect_dns connect_tcp connect_tls connect_upgrade connect_connack suback publish_ack latency "
    "latency_uncorrected lateness device_lateness"
).split()


def measured(**changes: Any) -> dict[str, Any]:
    """A healthy result of 1,000 messages in 10 s; changes of `counts` and `metrics` are merged, the rest replaced."""
    counts = {**dict.fromkeys(COUNTERS, 0), **changes.pop("counts", {})}
    for name in ("planned", "offered", "written", "delivered", "expected"):
        counts[name] = counts[name] or 1000
    metrics = {name: metric([]) for name in METRICS}
    metrics["latency"] = metric([n * 1000 for n in range(1, 1001)])  # 1 us to 1 ms
    metrics["lateness"] = metric([1_000] * 1000)
    metrics |= changes.pop("metrics", {})
    return {
        "driver": "net",
        "seed": 1,
        "interrupted": False,
        "elapsed_s": 10.0,
        "failure": None,
        "clients": {"planned": 10, "connected": 10, "failed": 0, "disconnected": 0},
        "counts": counts,
        "metrics": metrics,
        "groups": [],
        "intervals": [],
        "generator": {
            "rate_planned_per_s": 100.0,
            "rate_offered_per_s": 100.0,
            "rate_shortfall": 0.0,
            "bins_variation": 0.01,
            "shards": [{"cpu_s": 0.1, "cpu_share": 0.01}],
        },
        "broker": None,
        "errors": [],
        "ends": [{"text": "ended by us", "count": 10, "first_at_s": 10.0, "reason": 0}],
        "server_words": [],
        **changes,
    }


def snapshot(**changes: Any) -> dict[str, Any]:
    """A snapshot in the middle of a run."""
    return {
        "phase": "running",
        "elapsed_s": 12.04,
        "duration_s": 20.0,
        "clients": {"planned": 2003, "up": 2003, "failed": 0},
        "sent_per_s": 1000.2,
        "received_per_s": 4000.1,
        "interval": {"p50": 100_000, "p99": 400_000, "max": 1_000_000, "count": 4000},
        "counts": {"lost": 0, "expected": 100},
        "metrics": {"latency": metric([100_000]), "lateness": metric([20_000])},
        "generator": {"cpu_share": [0.25]},
        "errors": [],
        **changes,
    }


class FakeCore:
    """Stands in for the module. Set its attributes before the run; read them after it."""

    __version__ = "0.1.0"
    PlanError, RunError, CorpusError = PlanError, RunError, CorpusError

    def __init__(self) -> None:
        self.plans: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.document = measured()
        self.snapshots: list[dict[str, Any]] = []
        self.interrupts_itself = 0  # how many SIGINTs arrive while it runs
        self.plan_error: PlanError | None = None
        self.start_error: RunError | None = None
        self.corpus_error: CorpusError | None = None
        self.corpus: tuple[list[tuple[str, str]], list[str]] = ([("VOICE", "One."), ("ECHO", "Two, two.")], [])
        self.broker_port = 40_000  # of the first listener; the others follow
        self.broker_error: PlanError | RunError | None = None
        self.reload_error: RunError | None = None
        self.brokers: list[dict[str, Any]] = []  # options of each
        self.broker_seconds = 0
        self.ca_pem = ""  # of a generated authority
        core = self

        class Run:
            def __init__(self, plan: str) -> None:
                core.plans.append(json.loads(plan))
                self.left = list(core.snapshots)

            def start(self) -> None:
                core.calls.append("start")
                if core.start_error:
                    raise core.start_error

            def poll(self, timeout_s: float) -> str:
                assert 0 < timeout_s <= 0.2
                if core.interrupts_itself:
                    core.interrupts_itself -= 1
                    os.kill(os.getpid(), signal.SIGINT)
                return json.dumps(self.left.pop(0)) if self.left else ""

            def is_done(self) -> bool:
                return not self.left and not core.interrupts_itself

            def interrupt(self) -> None:
                core.calls.append("interrupt")
                core.document["interrupted"] = True

            def abort(self) -> None:
                core.calls.append("abort")

            def result(self) -> str:
                core.calls.append("result")
                return json.dumps(core.document)

            def ports(self) -> list[int]:
                broker = core.plans[-1]["broker"]
                count = len(broker.get("listeners", [broker])) if broker else 0
                return [core.broker_port + place for place in range(count)]

            def keep_broker(self) -> None:
                core.calls.append("keep broker")

            def stop_broker(self) -> None:
                core.calls.append("stop broker")

        class Broker:
            def __init__(self, options: str, **desk: object) -> None:
                self.options = json.loads(options)
                core.brokers.append(self.options)
                if core.broker_error:
                    raise core.broker_error

            def start(self) -> list[int]:
                core.calls.append("broker start")
                if core.start_error:
                    raise core.start_error
                wanted = self.options.get("listeners", [self.options])
                return [one.get("port") or core.broker_port + place for place, one in enumerate(wanted)]

            def ca_pem(self) -> str:
                return core.ca_pem

            def reload(self) -> None:
                core.calls.append("broker reload")
                if core.reload_error:
                    raise core.reload_error

            def stop(self) -> None:
                core.calls.append("broker stop")

            def events_dropped(self) -> int:
                return 0

            def stats(self) -> str:
                core.broker_seconds += 1
                counts = dict.fromkeys(BROKER_COUNTS, 7) | {"messages_in": 1500 * core.broker_seconds}
                return json.dumps(counts | {"dropped_slow": core.broker_seconds, "dropped_absent": core.broker_seconds})

        self.Run, self.Broker = Run, Broker

    def check_plan(self, plan: str) -> str:
        if self.plan_error:
            raise self.plan_error
        groups = json.loads(plan)["groups"]
        return json.dumps({"clients": sum(group["count"] for group in groups), "streams": 1})

    def load_corpus(self, path: str, header: str, parser: str, strict: bool) -> tuple[list[tuple[str, str]], list[str]]:
        self.calls.append(f"load_corpus {path} {header} {parser} {strict}")
        if self.corpus_error:
            raise self.corpus_error
        return self.corpus
