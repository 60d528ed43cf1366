"""What must hold in a run: the user's thresholds, and those that are always there.

lost        count==0      when all that is sent travels at QoS 1 or 2 [MQTT-4.3.2-1] [MQTT-4.3.3-1]
duplicated  count==0      when all that is sent travels at QoS 2
reordered   count==0      whenever something is received [MQTT-4.6.0-6]
unsent      count==0      whatever was offered left for the broker
unacknowledged count==0   when something travels at QoS 1 or 2: each got its answer [MQTT-4.3.2-4] [MQTT-4.3.3-8]
lateness    p(99)<=limit  when messages leave on a schedule: the generator kept to it,
rate_shortfall rate<=limit    and offered what the plan asked for
"""

from __future__ import annotations

from mqtt_sim.scenario.model import Publish, Scenario
from mqtt_sim.thresholds import RATE_SHORTFALL, Threshold, parse_threshold, seconds_to_limit

GENERATOR_METRICS = ("lateness", RATE_SHORTFALL)
"""Built-in thresholds on these judge the generator, not the broker."""


def thresholds_of(scenario: Scenario) -> list[Threshold]:
    """The user's thresholds in their order, then the built-in ones that the user did not write himself."""
    own = [
        parse_threshold(metric, expression)
        for metric, expressions in scenario.thresholds.items()
        for expression in expressions
    ]
    written = {(threshold.metric, threshold.expression.replace(" ", "")) for threshold in own}
    built_in = [*_sending_promises(scenario), *_delivery_promises(scenario), *_generator_health(scenario)]
    return own + [
        parse_threshold(metric, expression, built_in=True)
        for metric, expression in built_in
        if (metric, expression) not in written or metric in GENERATOR_METRICS
    ]


def _sending_promises(scenario: Scenario) -> list[tuple[str, str]]:
    qos = [publish.qos for publish in _publishing(scenario)]
    promises = [("unsent", "count==0")] if qos else []
    return [*promises, ("unacknowledged", "count==0")] if any(qos) else promises


def _delivery_promises(scenario: Scenario) -> list[tuple[str, str]]:
    sent = [publish.qos for publish in _stamped(scenario)]
    asked = [group.subscribes.qos for group in scenario.groups if group.subscribes is not None]
    if not sent or not asked:
        return []
    qos = min(*sent, *asked)
    promises = [("lost", "count==0")] if qos >= 1 else []
    if qos == 2:
        promises.append(("duplicated", "count==0"))
    return [*promises, ("reordered", "count==0")]


def _generator_health(scenario: Scenario) -> list[tuple[str, str]]:
    if all(publish.rate == "max" for publish in _publishing(scenario)):
        return []
    health = scenario.generator
    return [
        ("lateness", f"p(99)<={seconds_to_limit(health.lateness_limit)}"),
        (RATE_SHORTFALL, f"rate<={health.rate_shortfall_limit:g}"),
    ]


def _publishing(scenario: Scenario) -> list[Publish]:
    return [group.publishes for group in scenario.groups if group.publishes is not None]


def _stamped(scenario: Scenario) -> list[Publish]:
    return [publish for publish in _publishing(scenario) if publish.stamp != "none"]
