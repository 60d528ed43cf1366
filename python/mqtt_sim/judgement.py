"""What a run's measurements mean: thresholds kept or missed, generator healthy or not, and the status that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mqtt_sim.quantity import format_ns, to_ns
from mqtt_sim.scenario.model import GeneratorHealth
from mqtt_sim.scenario.promise import GENERATOR_METRICS
from mqtt_sim.suggestion import did_you_mean
from mqtt_sim.thresholds import DEVICE_COUNTS, DEVICE_METRICS, SHARES, Threshold, Verdict, measured_by_scripts

Status = Literal["passed", "failed", "interrupted", "invalid", "could_not_run", "script_failed"]

EXIT_CODES: dict[Status, int] = {
    "passed": 0,
    "failed": 99,
    "invalid": 99,
    "interrupted": 105,
    "could_not_run": 106,
    "script_failed": 107,
}


def evaluate(thresholds: Sequence[Threshold], measured: Mapping[str, Any]) -> list[Verdict]:
    """All thresholds on a result or snapshot; a built-in one that has nothing to judge is left out."""
    judged = [threshold for threshold in thresholds if not threshold.built_in or _has_evidence(threshold, measured)]
    return [threshold.evaluate(measured) for threshold in judged]


def _has_evidence(threshold: Threshold, measured: Mapping[str, Any]) -> bool:
    whole = SHARES.get(threshold.metric)
    if whole in ("expected", "offered"):
        return int(measured.get("counts", {}).get(whole, 0)) > 0
    return threshold.evaluate(measured).actual is not None


def decide_status(measured: Mapping[str, Any], verdicts: Sequence[Verdict], health: GeneratorHealth) -> Status:
    """Who was wrong, in this order: the world, the script, the person at the keyboard, the generator, the system."""
    if measured.get("failure"):
        return "could_not_run"
    if measured.get("script_error"):
        return "script_failed"
    if measured.get("interrupted"):
        return "interrupted"
    if health.on_invalid == "fail" and any(_spoils(verdict) for verdict in verdicts):
        return "invalid"
    missed = [verdict for verdict in verdicts if not verdict.ok and not _is_generator(verdict)]
    return "failed" if missed else "passed"


def find_warnings(measured: Mapping[str, Any], verdicts: Sequence[Verdict], health: GeneratorHealth) -> list[str]:
    """What a reader of the figures should know although nothing failed."""
    return [
        *_lateness_warnings(measured.get("metrics", {}), health),
        *_unhealthy_but_allowed(verdicts, health),
        *_stray_messages(measured.get("counts", {}), has_scripts="devices" in measured),
        *_late_devices(measured, health),
        *([] if measured.get("script_error") else _late_functions(measured.get("functions") or {})),
        *_never_measured(verdicts, measured),
    ]


def _is_generator(verdict: Verdict) -> bool:
    return verdict.built_in and verdict.metric in GENERATOR_METRICS


def _spoils(verdict: Verdict) -> bool:
    return _is_generator(verdict) and not verdict.ok


def _lateness_warnings(metrics: Mapping[str, Any], health: GeneratorHealth) -> list[str]:
    lateness = (metrics.get("lateness") or {}).get("p99")
    latency = (metrics.get("latency") or {}).get("p99")
    if not lateness:
        return []
    limit = to_ns(health.lateness_warning)
    if lateness > limit:
        return [f"the generator was late: p99 of lateness {format_ns(lateness)}, over {format_ns(limit)}"]
    if latency and lateness > latency / 10:
        share = f"{lateness / latency:.0%} of the p99 latency of {format_ns(latency)}"
        return [f"the generator's own lateness is part of the latency: its p99 is {format_ns(lateness)}, {share}"]
    return []


def _unhealthy_but_allowed(verdicts: Sequence[Verdict], health: GeneratorHealth) -> list[str]:
    if health.on_invalid == "fail":
        return []
    return [
        f"the generator was not healthy: {verdict.metric} {verdict.expression} is {verdict.show_actual()}"
        for verdict in verdicts
        if _spoils(verdict)
    ]


def _late_devices(measured: Mapping[str, Any], health: GeneratorHealth) -> list[str]:
    of_scripts, of_engine = (measured.get("devices") or {}).get("metrics") or {}, measured.get("metrics") or {}
    limit = to_ns(health.lateness_warning)
    late = [
        f"p99 of their {what} {format_ns(p99)}"
        for what, metric in (("timers", of_scripts.get("lateness")), ("messages", of_engine.get("device_lateness")))
        if (p99 := (metric or {}).get("p99")) and p99 > limit
    ]
    return [f"scripted devices were late: {', '.join(late)}, over {format_ns(limit)}"] if late else []


def _late_functions(functions: Mapping[str, Any]) -> list[str]:
    return [
        f"Python could not keep up: {group['late']:,} messages of group {group['name']} were due before its function "
        "had said what they are; make it quicker, give it whole lists (batch), or lower the rate"
        for group in functions.get("groups", [])
        if group["late"]
    ]


def _never_measured(verdicts: Sequence[Verdict], measured: Mapping[str, Any]) -> list[str]:
    """What a threshold names and no script ever measured."""
    texts = []
    for metric in dict.fromkeys(verdict.metric for verdict in verdicts if verdict.actual is None):
        for prefix, word in ((DEVICE_METRICS, "record"), (DEVICE_COUNTS, "count")):
            name = metric.removeprefix(prefix)
            if name != metric and name not in (known := measured_by_scripts(measured, prefix)):
                others = f"; {did_you_mean(name, known)}" if known else ""
                zero = f'; context.count("{name}", 0) tells that there was none' if word == "count" else ""
                texts.append(f'threshold {metric}: no script called context.{word}("{name}", ...){others}{zero}')
    return texts


def _stray_messages(counts: Mapping[str, Any], *, has_scripts: bool) -> list[str]:
    texts = {
        "foreign": "messages of another run were received: is another load test using these topics?",
        "undecodable": "messages without a readable stamp were received and not measured",
    }
    if has_scripts:
        del texts["undecodable"]  # what scripts publish carries no stamp
    return [f"{counts[name]:,} {text}" for name, text in texts.items() if counts.get(name)]
