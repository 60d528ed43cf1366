"""From a Scenario to the Plan, the one JSON document that crosses into the core; and from its paths back to ours."""

from __future__ import annotations

import os
import re
from typing import Any

from mqtt_sim.broker_url import BrokerUrl, without_password
from mqtt_sim.proxy_url import parse_proxy_url
from mqtt_sim.quantity import to_ns
from mqtt_sim.scenario.check import groups_with_paths
from mqtt_sim.scenario.embedded_broker import EmbeddedBroker
from mqtt_sim.scenario.model import (
    Authentication,
    Client,
    Devices,
    Group,
    MessageProperties,
    Publish,
    Scenario,
    Subscribe,
    Will,
)
from mqtt_sim.scenario.shipped import SHIPPED_CORPUS
from mqtt_sim.scenario.transport import ClientTls, ClientWebSocket, hide_secrets

PLAN_VERSION = 1

_WIRE_VERSIONS = {"3.1": 3, "3.1.1": 4, "5.0": 5}  # [MQTT-3.1.2-1]: the protocol level of CONNECT
_GROUP_PATH = re.compile(r"^[$./]*groups[\[./]?(\d+)\]?[./]?(.*)$")


def make_plan(
    scenario: Scenario, *, sim: bool = False, seed: int | None = None, corpus_path: str | None = None
) -> dict[str, Any]:
    """See Scenario.to_plan."""
    return {
        "version": PLAN_VERSION,
        "name": scenario.name,
        "seed": scenario.seed if seed is None else seed,
        "driver": "sim" if sim else "net",
        "duration_ns": to_ns(scenario.duration),
        "warmup_ns": to_ns(scenario.warmup),
        "drain_ns": to_ns(scenario.drain),
        "shards": 1 if sim else scenario.shards,
        "broker": _broker(scenario),
        "target": _target(scenario),
        "link": {"latency_ns": to_ns(scenario.link.latency), "jitter_ns": to_ns(scenario.link.jitter)},
        "connect": {
            "rate_per_s": scenario.connect.rate,
            "in_progress": scenario.connect.in_progress,
            "timeout_ns": to_ns(scenario.connect.timeout),
            "source_addresses": list(scenario.connect.source_addresses),
        },
        "corpus": _corpus(scenario, corpus_path),
        "groups": [_group(scenario, group) for group in scenario.groups],
    }


def resolved_document(scenario: Scenario) -> dict[str, Any]:
    """The scenario as JSON with every default filled in and every password hidden; reads back as a scenario."""
    document = scenario.model_dump(mode="json")
    groups = [group for role in ("producers", "consumers", "devices") for group in document[role]]
    for group, own in zip(groups, scenario.groups, strict=True):
        group["client"] = scenario.client_of(own).model_dump(mode="json")
    for client in (document["client"], *(group["client"] for group in groups)):
        if client["password"] is not None:
            client["password"] = "***"
        if client["authentication"] is not None:
            client["authentication"]["password"] = "***"
        if client["tls"] is not None:
            client["tls"] = hide_secrets(client["tls"])
        if client["proxy"] is not None:
            client["proxy"] = without_password(client["proxy"])
    if scenario.broker is not None:
        document["broker"] = scenario.broker.shown()
    if document["target"]:
        document["target"]["url"] = without_password(document["target"]["url"])
        document["target"]["others"] = [without_password(url) for url in document["target"]["others"]]
    return document


def given_document(scenario: Scenario) -> dict[str, Any]:
    """The scenario as JSON with nothing but what was said, and every password hidden."""
    given: dict[str, Any] = _only_given(
        scenario.model_dump(mode="json", exclude_unset=True), resolved_document(scenario)
    )
    return {name: value for name, value in given.items() if value not in ([], {})}


def _only_given(given: Any, shown: Any) -> Any:
    """Those parts of `shown` that `given` has."""
    if isinstance(given, dict) and isinstance(shown, dict):
        return {name: _only_given(value, shown[name]) for name, value in given.items()}
    if isinstance(given, list) and isinstance(shown, list):
        return [_only_given(*both) for both in zip(given, shown, strict=True)]
    return shown


def scenario_path(plan_path: str, scenario: Scenario) -> str:
    """Where in the scenario the user wrote what stands at `plan_path` in the Plan."""
    match = _GROUP_PATH.match(plan_path)
    paths = list(groups_with_paths(scenario))
    if not match or int(match[1]) >= len(paths):
        return re.sub(r"_(ns|per_s|s)\b", "", plan_path.lstrip("$./"))
    path, group = paths[int(match[1])]
    rest = match[2]
    if rest.startswith("target."):
        field = rest.removeprefix("target.").partition(".")[0]
        own = group.client is not None and field in group.client.model_fields_set
        return f"{path}.client.{field}" if own else field if field == "transport" else f"client.{field}"
    if not isinstance(group, Devices):
        rest = re.sub(r"^publish\b[./]?", "", rest)
    rest = rest.replace("properties.", "") if rest.startswith(("publish.properties.", "properties.")) else rest
    if rest == "subscription_identifier":
        rest = "subscribe.subscription_identifier" if isinstance(group, Devices) else rest
    elif rest.startswith("subscribe"):
        rest = "subscribe.topic" if isinstance(group, Devices) else "topic"
    rest = re.sub(r"_(ns|per_s|s)\b", "", rest).replace("user_name", "username")
    return f"{path}.{rest}" if rest else path


def _broker(scenario: Scenario) -> dict[str, Any] | None:
    if scenario.target is not None:
        return None
    return (scenario.broker or EmbeddedBroker()).to_core()


def _target(scenario: Scenario) -> dict[str, Any] | None:
    url = None if scenario.target is None else scenario.target.url_of(None)
    return None if url is None else url.place()


def _group_target(scenario: Scenario, group: Group) -> dict[str, Any]:
    client, transport, url = scenario.client_of(group), scenario.transport_of(group), _url_of(scenario, group)
    websocket = client.websocket or ClientWebSocket()
    return {
        **({} if url is None else url.place()),
        "transport": transport,
        "tls": _tls(client.tls) if transport in ("tls", "wss") else None,
        "websocket": websocket.to_core(client.protocol_version, None if url is None else url.path)
        if transport in ("ws", "wss")
        else None,
        **({} if client.proxy is None else {"proxy": parse_proxy_url(client.proxy)}),
    }


def _url_of(scenario: Scenario, group: Group) -> BrokerUrl | None:
    return None if scenario.target is None else scenario.target.url_of(scenario.transport_of(group))


def _tls(tls: ClientTls | None) -> dict[str, Any] | None:
    key_log = os.environ.get("SSLKEYLOGFILE")
    document = {} if tls is None else tls.to_core()
    return document if not key_log else {"key_log": key_log, **document}


def _corpus(scenario: Scenario, path: str | None) -> dict[str, Any]:
    source = scenario.corpus
    wanted = (path or source.path or str(SHIPPED_CORPUS)) if scenario.needs_corpus else None
    return {"path": wanted, "header": source.header, "parser": source.parser, "strict": source.strict}


def _group(scenario: Scenario, group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "count": group.count,
        "target": _group_target(scenario, group),
        "client": _client(scenario.client_of(group), _url_of(scenario, group)),
        "publish": None if group.publishes is None else _publish(group.publishes),
        "subscribe": [] if group.subscribes is None else _subscribe(group.subscribes),
        "subscription_identifier": None if group.subscribes is None else group.subscribes.subscription_identifier,
        **({"script": True} if isinstance(group, Devices) and group.script is not None else {}),
    }


def _client(client: Client, url: BrokerUrl | None) -> dict[str, Any]:
    user_name, password = client.username, client.password
    if user_name is None and url is not None:
        user_name, password = url.username, url.password
    return {
        "protocol_version": _WIRE_VERSIONS[client.protocol_version],
        "clean_start": client.clean_start,
        "session_expiry_interval_s": int(client.session_expiry_interval),
        "keep_alive_s": int(client.keep_alive),
        "client_id": client.client_id,
        "user_name": user_name,
        "password": password,
        "will": None if client.will is None else _will(client.will),
        "reconnect_period_ns": to_ns(client.reconnect_period),
        "reconnect_jitter": client.reconnect_jitter,
        "receive_maximum": client.receive_maximum,
        "maximum_packet_size": client.maximum_packet_size,
        "adopt_session": client.adopt_session,
        "authentication": None if client.authentication is None else _authentication(client.authentication),
        "user_properties": _pairs(client.user_properties),
        "topic_alias": client.topic_alias,
        "topic_alias_maximum": client.topic_alias_maximum,
    }


def _will(will: Will) -> dict[str, Any]:
    return {
        "topic": will.topic,
        "payload": will.payload,
        "qos": will.qos,
        "retain": will.retain,
        "delay_s": int(will.delay),
        "properties": None if will.properties is None else _properties(will.properties),
    }


def _authentication(authentication: Authentication) -> dict[str, Any]:
    return {
        "method": authentication.method,
        "user_name": authentication.username,
        "password": authentication.password,
    }


def _properties(properties: MessageProperties) -> dict[str, Any]:
    expiry = properties.message_expiry
    return {
        "payload_format": properties.payload_format,
        "message_expiry_s": None if expiry is None else int(expiry),
        "content_type": properties.content_type,
        "response_topic": properties.response_topic,
        "user_properties": _pairs(properties.user_properties),
    }


def _pairs(properties: dict[str, str]) -> list[list[str]]:
    return [[name, value] for name, value in properties.items()]


def _publish(publish: Publish) -> dict[str, Any]:
    functions = publish.functions
    return {
        **({"topic": None, "topic_composed": True} if "topic" in functions else {"topic": publish.topic}),
        "qos": publish.qos,
        "retain": publish.retain,
        "rate_per_s": publish.rate,
        "messages": publish.messages,
        "in_flight": publish.in_flight,
        "properties": _properties(publish),
        "payload": {"kind": "composed"} if "payload" in functions else publish.payload.model_dump(mode="json"),
        "stamp": publish.stamp,
    }


def _subscribe(subscribe: Subscribe) -> list[dict[str, Any]]:
    options = {
        "qos": subscribe.qos,
        "no_local": subscribe.no_local,
        "retain_as_published": subscribe.retain_as_published,
        "retain_handling": subscribe.retain_handling,
    }
    return [{"filter": topic_filter, **options} for topic_filter in subscribe.filters]
