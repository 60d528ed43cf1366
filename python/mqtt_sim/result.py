"""The Result: what a run measured and what became of its thresholds. The only thing a report reads."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqtt_sim.broker_url import parse_broker_url
from mqtt_sim.errors import CouldNotRun, InterruptedRun, ScriptError, ThresholdError, UsageError
from mqtt_sim.quantity import NS_PER_S, format_ns
from mqtt_sim.remedy import remedy_for
from mqtt_sim.thresholds import Verdict, percentile_ns

if TYPE_CHECKING:
    from mqtt_sim.result_frames import Frames

REPORT_SCHEMA = 1
"""Version of the report's shape; a reader of another version refuses it."""


@dataclass(frozen=True)
class Distribution:
    """One metric: all values in seconds (float), NaN where nothing was measured; `document` is what the report says."""

    document: Mapping[str, Any]

    @property
    def count(self) -> int:
        """Number of samples."""
        return int(self.document.get("count") or 0)

    @property
    def min(self) -> float:
        """Smallest, seconds."""
        return self._seconds("min")

    @property
    def mean(self) -> float:
        """Average, seconds."""
        return self._seconds("mean")

    @property
    def p50(self) -> float:
        """Median, seconds."""
        return self._seconds("p50")

    @property
    def p90(self) -> float:
        """90 % are not above it, seconds."""
        return self._seconds("p90")

    @property
    def p99(self) -> float:
        """99 % are not above it, seconds."""
        return self._seconds("p99")

    @property
    def p999(self) -> float:
        """99.9 % are not above it, seconds."""
        return self._seconds("p99.9")

    @property
    def max(self) -> float:
        """Largest, seconds."""
        return self._seconds("max")

    def percentile(self, percentile: float) -> float:
        """Any percentile from 0 to 100, seconds; from the HDR histogram (3 significant digits)."""
        if not 0 <= percentile <= 100:
            raise UsageError(f"percentile({percentile}): should be from 0 to 100")
        return percentile_ns(self.document, percentile) / NS_PER_S if self.count else math.nan

    def __str__(self) -> str:
        fields = ("min", "p50", "p90", "p99", "p99.9", "max")
        shown = (f"{field} {format_ns(self._seconds(field) * NS_PER_S)}" for field in fields)
        return f"count {self.count}, {', '.join(shown)}"

    def _seconds(self, field: str) -> float:
        value = self.document.get(field)
        return math.nan if value is None or self.count == 0 else float(value) / NS_PER_S


@dataclass(frozen=True)
class Result:
    """A finished run: `document` is the report as `--json` writes it; the properties give its parts by name."""

    document: Mapping[str, Any]

    @classmethod
    def load(cls, path: str | Path) -> Result:
        """Reads a report that `--json` wrote. Raises UsageError when it is none, or of another version."""
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: is no report: {error}") from None
        if not isinstance(document, dict) or document.get("schema") != REPORT_SCHEMA:
            raise UsageError(f"{path}: is no report with schema {REPORT_SCHEMA}")
        return cls(document)

    def to_dict(self) -> dict[str, Any]:
        """The report, ready for json.dumps; durations in nanoseconds."""
        return dict(self.document)

    def frames(self) -> Frames:
        """The report as pandas.DataFrame: `intervals`, `metrics`, `groups`; durations in seconds.

        Raises UsageError without pandas, which `pip install mqtt-sim[frames]` brings.
        """
        from mqtt_sim.result_frames import frames_of

        return frames_of(self)

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        from mqtt_sim.result_html import html_of

        return html_of(self)

    # Verdict

    @property
    def status(self) -> str:
        """passed, failed (a threshold), invalid (the generator), interrupted, could_not_run, or script_failed."""
        return str(self.document["status"])

    @property
    def passed(self) -> bool:
        """Whether all thresholds held in a complete, healthy run."""
        return self.status == "passed"

    @property
    def exit_code(self) -> int:
        """What the command line ends with: 0, 99, 105, 106 or 107."""
        return int(self.document["exit_code"])

    @property
    def thresholds(self) -> list[Verdict]:
        """The user's, then the built-in ones."""
        return [Verdict(**verdict) for verdict in self.document["thresholds"]]

    @property
    def failure(self) -> Mapping[str, Any] | None:
        """Why the run could not go on: {"kind", "text", "reason_code", "clients"}, or None."""
        return self.document.get("failure")

    @property
    def failure_text(self) -> str:
        """The failure as a sentence that names the broker and the reason code; empty when there was none."""
        if not self.failure:
            return ""
        where, reason = self._url_of_failure(), self.failure.get("reason_code")
        text = f"{where}: " if where else ""
        text += f"{self.failure.get('text')}" + (f" (reason code 0x{reason:02x})" if reason is not None else "")
        remedy = remedy_for(str(self.failure.get("kind")), text)
        return f"{text}; {remedy}" if remedy else text

    def _url_of_failure(self) -> str:
        """Of the outside broker that the group which failed first had chosen."""
        scenario = self.document["scenario"]
        target = scenario.get("target")
        if not target:
            return ""
        groups = [group for role in ("producers", "consumers", "devices") for group in scenario.get(role, [])]
        group = next((group for group in groups if group["name"] == (self.failure or {}).get("group")), None)
        chosen = group and (group["client"].get("transport") or scenario.get("transport"))
        urls = [target["url"], *target.get("others", [])]
        return next((str(url) for url in urls if chosen in (None, parse_broker_url(url).transport)), str(urls[0]))

    @property
    def warnings(self) -> list[str]:
        """What to know about the figures although nothing failed."""
        return list(self.document.get("warnings", []))

    @property
    def errors(self) -> list[Mapping[str, Any]]:
        """Distinct errors: {"text", "count", "first_at_s", "reason"}."""
        return list(self.document.get("errors", []))

    @property
    def ends(self) -> dict[str, int]:
        """How connections and attempts at one ended, by name, and how many: {"ended by us": 1000, ...}."""
        return {str(end["text"]): int(end["count"]) for end in self.document.get("ends", [])}

    @property
    def server_words(self) -> dict[str, int]:
        """Reason strings of the broker with the packet that brought them: the first different ones, and how often."""
        return {str(words["text"]): int(words["count"]) for words in self.document.get("server_words", [])}

    def raise_for_status(self) -> Result:
        """The result itself when it passed; else ThresholdError, InterruptedRun or CouldNotRun."""
        if self.status in ("failed", "invalid"):
            raise ThresholdError(str(self), self)
        if self.status == "interrupted":
            raise InterruptedRun(str(self), self)
        if self.status == "could_not_run":
            failure = self.failure or {}
            raise CouldNotRun(self.failure_text, kind=str(failure.get("kind", "internal")), result=self)
        if (error := self.script_error) is not None:
            raise error
        return self

    # Scripted devices, payload and topic functions

    @property
    def has_python(self) -> bool:
        """Whether scripts or functions in Python were on the path of messages."""
        return bool(self.document.get("python"))

    @property
    def script_error(self) -> ScriptError | None:
        """The exception of a script that ended the run, with its file and line."""
        told = self.document.get("script_error")
        if told is None:
            return None
        text = str(told["text"]).removeprefix(f"{told['file']}:{told['line']}: ")
        return ScriptError(text, file=str(told["file"]), line=int(told["line"]))

    @property
    def device_counts(self) -> dict[str, int]:
        """What scripts counted with context.count(), by name."""
        return {str(name): int(count) for name, count in (self._devices().get("counts") or {}).items()}

    @property
    def device_metrics(self) -> dict[str, Distribution]:
        """What scripts measured with context.record(), by name, and the "lateness" of their timers."""
        return {name: Distribution(metric) for name, metric in (self._devices().get("metrics") or {}).items()}

    @property
    def device_groups(self) -> list[Mapping[str, Any]]:
        """Scripted groups: {"name", "clients", "returned", "stopped", "failed", "running"}."""
        return list(self._devices().get("groups") or [])

    @property
    def functions(self) -> Mapping[str, Any]:
        """What payload and topic functions did; empty where no message met one.

        {"groups": [{"name", "topic", "payload", "calls", "messages", "late"}], "batches", "cpu_s", "cpu_share"}
        """
        return self.document.get("functions") or {}

    def _devices(self) -> Mapping[str, Any]:
        return self.document.get("devices") or {}

    # Counts of messages

    @property
    def counts(self) -> Mapping[str, int]:
        """All counts by name."""
        return self.document.get("counts") or {}

    @property
    def planned(self) -> int:
        """Messages that the schedule holds."""
        return self._count("planned")

    @property
    def offered(self) -> int:
        """Messages whose time came."""
        return self._count("offered")

    @property
    def written(self) -> int:
        """Messages handed to the connection."""
        return self._count("written")

    @property
    def acknowledged(self) -> int:
        """Messages that the broker took over (PUBACK, PUBCOMP)."""
        return self._count("acknowledged")

    @property
    def expected(self) -> int:
        """Messages that should have been received."""
        return self._count("expected")

    @property
    def delivered(self) -> int:
        """Messages received."""
        return self._count("delivered")

    @property
    def lost(self) -> int:
        """Expected and never received."""
        return self._count("lost")

    @property
    def duplicated(self) -> int:
        """Received again."""
        return self._count("duplicated")

    @property
    def reordered(self) -> int:
        """Received after a later one of the same stream."""
        return self._count("reordered")

    def _count(self, name: str) -> int:
        return int(self.counts.get(name, 0))

    # Distributions of durations

    @property
    def metrics(self) -> dict[str, Distribution]:
        """All metrics by name."""
        return {name: Distribution(metric) for name, metric in (self.document.get("metrics") or {}).items()}

    @property
    def latency(self) -> Distribution:
        """From the intended send time until delivery, seconds."""
        return self._metric("latency")

    @property
    def latency_uncorrected(self) -> Distribution:
        """From the actual send time until delivery, seconds."""
        return self._metric("latency_uncorrected")

    @property
    def lateness(self) -> Distribution:
        """From the intended to the actual send time, seconds: the generator's own delay."""
        return self._metric("lateness")

    @property
    def device_lateness(self) -> Distribution:
        """From when a device's script meant a message to leave until its bytes were on the stream, seconds."""
        return self._metric("device_lateness")

    @property
    def publish_ack(self) -> Distribution:
        """From PUBLISH until PUBACK or PUBCOMP, seconds."""
        return self._metric("publish_ack")

    @property
    def connect(self) -> Distribution:
        """From the wish to connect until CONNACK, seconds."""
        return self._metric("connect")

    @property
    def connect_dns(self) -> Distribution:
        """From the broker's name to its address, seconds; empty when the URL holds an address."""
        return self._metric("connect_dns")

    @property
    def connect_tcp(self) -> Distribution:
        """The TCP handshake, seconds."""
        return self._metric("connect_tcp")

    @property
    def connect_tls(self) -> Distribution:
        """The TLS handshake, seconds."""
        return self._metric("connect_tls")

    @property
    def connect_upgrade(self) -> Distribution:
        """The HTTP upgrade to a WebSocket, seconds."""
        return self._metric("connect_upgrade")

    @property
    def connect_connack(self) -> Distribution:
        """From CONNECT until CONNACK, seconds."""
        return self._metric("connect_connack")

    @property
    def suback(self) -> Distribution:
        """From SUBSCRIBE until SUBACK, seconds."""
        return self._metric("suback")

    def _metric(self, name: str) -> Distribution:
        return Distribution((self.document.get("metrics") or {}).get(name) or {})

    # The run

    @property
    def name(self) -> str:
        """Of the scenario."""
        return str(self.document["scenario"]["name"])

    @property
    def seed(self) -> int:
        """That the run was made with."""
        return int(self.document["seed"])

    @property
    def elapsed(self) -> float:
        """Length of the run, seconds (of virtual time with sim)."""
        return float(self.document.get("elapsed_s") or 0)

    @property
    def clients(self) -> Mapping[str, int]:
        """{"planned", "connected", "failed", "disconnected"}."""
        return self.document.get("clients") or {}

    def __str__(self) -> str:
        """The status, and a table of the thresholds that were missed."""
        lines = [f"{self.name}: {self.status} (exit code {self.exit_code})"]
        if self.failure:
            lines.append(f"  {self.failure_text}")
        if (error := self.script_error) is not None:
            lines.append(f"  {error}")
        missed = [verdict for verdict in self.thresholds if not verdict.ok]
        width = max((len(verdict.metric) for verdict in missed), default=0)
        lines += [
            f"  missed: {verdict.metric:<{width}}  {verdict.expression:<16}  actual {verdict.show_actual()}"
            for verdict in missed
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Result {self}>"
