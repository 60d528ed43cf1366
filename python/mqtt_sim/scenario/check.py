"""Checks that need more than one part of a scenario, and those of its thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mqtt_sim import thresholds as grammar
from mqtt_sim.errors import Fault, show_value
from mqtt_sim.scenario.fields import is_shared
from mqtt_sim.scenario.placeholder import words_of

if TYPE_CHECKING:
    from mqtt_sim.scenario.model import Client, Group, MessageProperties, Scenario


def check_scenario(scenario: Scenario) -> list[Fault]:
    """Everything wrong between the parts of a scenario whose parts are each right."""
    return [
        *_check_whole(scenario),
        *_check_names(scenario),
        *_check_client_ids(scenario),
        *(fault for path, group in groups_with_paths(scenario) for fault in _check_group(scenario, path, group)),
    ]


def groups_with_paths(scenario: Scenario) -> Iterator[tuple[str, Group]]:
    """Each group with its path in the scenario, in the order of the Plan."""
    for role in ("producers", "consumers", "devices"):
        for index, group in enumerate(getattr(scenario, role)):
            yield f"{role}[{index}]", group


def _check_whole(scenario: Scenario) -> Iterator[Fault]:
    if scenario.broker is not None and scenario.target is not None:
        yield Fault("target", 'give "broker" (the embedded one) or "target" (an outside one), not both')
    if scenario.broker is not None and scenario.broker.log_level != "off":
        remedy = "should be left out: a run tells in its report what went wrong; mqtt-sim broker and Broker write logs"
        yield Fault("broker.log_level", remedy, scenario.broker.log_level)
    if not scenario.groups:
        yield Fault("producers", 'there is no client: give at least one group in "producers", "consumers" or "devices"')
    if scenario.warmup >= scenario.duration:
        yield Fault("warmup", "should be shorter than the duration, or nothing is measured", scenario.warmup)
    for metric, expressions in scenario.thresholds.items():
        if metric in ("lost", "duplicated", "reordered") and not _measures(scenario):
            yield Fault(f"thresholds.{metric}", _NOTHING_MEASURES, expressions)
        if metric in ("latency", "latency_uncorrected") and not (_measures(scenario) or _has_scripts(scenario)):
            yield Fault(f"thresholds.{metric}", _NOTHING_MEASURES, expressions)
        if grammar.is_of_scripts(metric) and not _has_scripts(scenario):
            remedy = "nothing measures it: it needs devices with a script"
            yield Fault(f"thresholds.{metric}", remedy, expressions)


_NOTHING_MEASURES = "nothing measures it: it needs a group that publishes with a stamp and one that subscribes"


def _has_scripts(scenario: Scenario) -> bool:
    return any(device.script is not None for device in scenario.devices)


def _measures(scenario: Scenario) -> bool:
    publishes = (group.publishes for group in scenario.groups)
    stamped = any(publish is not None and publish.stamp != "none" for publish in publishes)
    return stamped and any(group.subscribes is not None for group in scenario.groups)


def _check_names(scenario: Scenario) -> Iterator[Fault]:
    times = Counter(group.name for group in scenario.groups)
    for path, group in groups_with_paths(scenario):
        if times[group.name] > 1:
            yield Fault(f"{path}.name", "another group has this name; names of groups should differ", group.name)


def _check_client_ids(scenario: Scenario) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for path, group in groups_with_paths(scenario):
        client_id = scenario.client_of(group).client_id
        where = client_id_path(path, group)
        if client_id and group.count > 1 and not {"i", "n"} & set(words_of(client_id)):
            remedy = f"all {group.count} clients would share it and take the session from each other; put {{i}} into it"
            yield Fault(where, remedy, client_id)
        pattern = client_id.replace("{group}", group.name)
        if client_id and pattern in seen and seen[pattern] != group.name:
            remedy = f'the group "{seen[pattern]}" has the same identifiers; put {{group}} into it'
            yield Fault(where, remedy, client_id)
        seen.setdefault(pattern, group.name)


def client_id_path(path: str, group: Group) -> str:
    """Where the client identifier of a group was written."""
    return f"{path}.client.client_id" if _own(group, "client_id") else "client.client_id"


def _own(group: Group, field: str) -> bool:
    return group.client is not None and field in group.client.model_fields_set


def _check_group(scenario: Scenario, path: str, group: Group) -> Iterator[Fault]:
    client = scenario.client_of(group)

    def at(field: str) -> str:
        return f"{path}.client.{field}" if _own(group, field) else f"client.{field}"

    yield from _check_transport(scenario, group, at)
    if client.session_expiry_interval > 0 and client.protocol_version != "5.0":
        remedy = f"needs MQTT 5.0, and the protocol version is {client.protocol_version}"
        yield Fault(at("session_expiry_interval"), remedy, client.session_expiry_interval)
    if client.password is not None and client.username is None and client.protocol_version != "5.0":
        yield Fault(at("password"), f"MQTT {client.protocol_version} needs a username with it [MQTT-3.1.2-22]")
    if not client.client_id and (client.protocol_version == "3.1" or not client.clean_start):
        yield Fault(at("client_id"), "should not be empty without a clean start, or in MQTT 3.1", client.client_id)
    for field, is_used in _only_in_5(client):
        if is_used and client.protocol_version != "5.0":
            yield Fault(at(field), f"needs MQTT 5.0, and the protocol version is {client.protocol_version}")
    yield from _check_messages(path, group, client)


def _check_transport(scenario: Scenario, group: Group, at: Callable[[str], str]) -> Iterator[Fault]:
    client, transport = scenario.client_of(group), scenario.transport_of(group)
    if scenario.target is not None and scenario.target.url_of(transport) is None:
        remedy = 'the target has no URL for it; add one to "others" of the target, or aim at one with --broker'
        yield Fault(at("transport") if client.transport else "transport", remedy, transport)
    for field, needs in (("tls", ("tls", "wss")), ("websocket", ("ws", "wss"))):
        if group.client is not None and getattr(group.client, field) is not None and transport not in needs:
            yield Fault(at(field), f"needs the transport {' or '.join(needs)}, and it is {transport}")


def _only_in_5(client: Client) -> Iterator[tuple[str, bool]]:
    """Fields of a client that only 5.0 can carry, and whether they say anything."""
    will = client.will
    yield "will.delay", will is not None and will.delay > 0
    yield "will.properties", will is not None and _has_properties(will.properties)
    yield "user_properties", bool(client.user_properties)
    yield "topic_alias", client.topic_alias != "off"
    yield "topic_alias_maximum", client.topic_alias_maximum > 0
    yield "authentication", client.authentication is not None


_PROPERTIES = ("message_expiry", "content_type", "response_topic", "payload_format", "user_properties")


def _has_properties(properties: MessageProperties | None) -> bool:
    return properties is not None and any(_is_said(properties, name) for name in _PROPERTIES)


def _is_said(part: Any, field: str) -> bool:
    return getattr(part, field) not in (None, {}, False, "send")


def _check_messages(path: str, group: Group, client: Client) -> Iterator[Fault]:
    publish = group.publishes
    inner = ".publish" if "publish" in type(group).model_fields else ""
    inside = ".subscribe" if "subscribe" in type(group).model_fields else ""
    if publish is not None and publish.stamp == "property" and client.protocol_version != "5.0":
        remedy = f'properties need MQTT 5.0, and the protocol version is {client.protocol_version}; "auto" fits any'
        yield Fault(f"{path}{inner}.stamp", remedy, publish.stamp)
    if client.protocol_version != "5.0":
        remedy = f"needs MQTT 5.0, and the protocol version is {client.protocol_version}"
        for field in _PROPERTIES:
            if publish is not None and _is_said(publish, field):
                yield Fault(f"{path}{inner}.{field}", remedy)
        for field in ("no_local", "retain_as_published", "retain_handling", "subscription_identifier"):
            if group.subscribes is not None and _is_said(group.subscribes, field):
                yield Fault(f"{path}{inside}.{field}", remedy)
    if group.subscribes is not None and group.subscribes.no_local and any(map(is_shared, group.subscribes.filters)):
        yield Fault(f"{path}{inside}.no_local", "should be false for shared subscriptions [MQTT-3.8.3-4]")
    if publish is None:
        return
    if "topic" in publish.functions:
        if group.subscribes is not None and group.subscribes.no_local:
            remedy = "should be false where a function says the topics: nobody could tell what a client has to hear"
            yield Fault(f"{path}.subscribe.no_local", remedy)
    elif isinstance(publish.topic, str) and "{client_id}" in publish.topic and set("+#") & set(client.client_id):
        remedy = f"the client identifier {show_value(client.client_id)} would put a wildcard into it"
        yield Fault(f"{path}{inner}.topic", remedy, publish.topic)


def check_thresholds(value: Any) -> list[Fault]:
    """Everything wrong in the thresholds as written, names and expressions."""
    if not isinstance(value, dict):
        return [Fault("", 'should be an object such as {"latency": ["p(99)<50ms"]}', value)]
    faults = []
    for metric, expressions in value.items():
        try:
            grammar.check_metric(metric)
        except ValueError as error:
            faults.append(Fault(str(metric), str(error)))
            continue
        if not isinstance(expressions, list):
            faults.append(Fault(metric, 'should be a list of expressions such as ["p(99)<50ms"]', expressions))
            continue
        for index, expression in enumerate(expressions):
            if remedy := _expression_remedy(metric, expression):
                faults.append(Fault(f"{metric}[{index}]", remedy, expression))
    return faults


def _expression_remedy(metric: str, expression: Any) -> str | None:
    if isinstance(expression, dict):
        return 'this version knows thresholds as text only, such as "p(99)<50ms", without abort_on_fail'
    if not isinstance(expression, str):
        return 'should be text such as "p(99)<50ms"'
    try:
        grammar.parse_threshold(metric, expression)
    except ValueError as error:
        return str(error)
    return None
