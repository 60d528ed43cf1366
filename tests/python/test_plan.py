"""What a scenario becomes: the Plan, complete and in the units of the core; and what of it a report may show."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mqtt_sim import EmbeddedBroker
from mqtt_sim.scenario import load_scenario
from mqtt_sim.scenario.plan import resolved_document, scenario_path
from mqtt_sim.scenario.promise import thresholds_of
from mqtt_sim.scenario.shipped import SHIPPED_CORPUS


def test_plan_of_the_smallest_scenario_has_every_field() -> None:
    plan = load_scenario({"name": "x", "producers": [{"topic": "t"}]}).to_plan()
    assert plan == {
        "version": 1,
        "name": "x",
        "seed": 1,
        "driver": "net",
        "duration_ns": 10_000_000_000,
        "warmup_ns": 0,
        "drain_ns": 5_000_000_000,
        "shards": 1,
        "broker": EmbeddedBroker().to_core(),
        "target": None,
        "link": {"latency_ns": 200_000, "jitter_ns": 0},
        "connect": {"rate_per_s": 0.0, "in_progress": 64, "timeout_ns": 10_000_000_000, "source_addresses": []},
        "corpus": {
            "path": str(SHIPPED_CORPUS),
            "header": "skip",
            "parser": "strict-unescape",
            "strict": False,
        },
        "groups": [
            {
                "name": "producer",
                "count": 1,
                "target": {"transport": "tcp", "tls": None, "websocket": None},
                "client": {
                    "protocol_version": 4,
                    "clean_start": True,
                    "session_expiry_interval_s": 0,
                    "keep_alive_s": 60,
                    "client_id": "{group}-{i}",
                    "user_name": None,
                    "password": None,
                    "will": None,
                    "reconnect_period_ns": 0,
                    "reconnect_jitter": "none",
                    "receive_maximum": 65_535,
                    "maximum_packet_size": None,
                    "adopt_session": False,
                    "authentication": None,
                    "user_properties": [],
                    "topic_alias": "off",
                    "topic_alias_maximum": 0,
                },
                "publish": {
                    "topic": "t",
                    "qos": 0,
                    "retain": False,
                    "rate_per_s": 1.0,
                    "messages": None,
                    "in_flight": 100,
                    "properties": {
                        "payload_format": None,
                        "message_expiry_s": None,
                        "content_type": None,
                        "response_topic": None,
                        "user_properties": [],
                    },
                    "payload": {
                        "kind": "dialogue",
                        "order": "file",
                        "place": "own",
                        "loop": True,
                        "limit": None,
                        "offset": 0,
                    },
                    "stamp": "auto",
                },
                "subscribe": [],
                "subscription_identifier": None,
            }
        ],
    }


def test_groups_come_in_the_order_producers_consumers_devices(small: dict[str, Any]) -> None:
    small["devices"] = [
        {"name": "idle"},
        {"name": "both", "publish": {"topic": "a"}, "subscribe": {"topics": ["b", "c"]}},
    ]
    groups = load_scenario(small).to_plan()["groups"]
    assert [group["name"] for group in groups] == ["cast", "audience", "idle", "both"]
    assert (groups[2]["publish"], groups[2]["subscribe"]) == (None, [])
    options = {"qos": 0, "no_local": False, "retain_as_published": False, "retain_handling": "send"}
    assert groups[3]["subscribe"] == [{"filter": "b", **options}, {"filter": "c", **options}]


@pytest.mark.parametrize(("version", "level"), [("3.1", 3), ("3.1.1", 4), ("5.0", 5), (3, 3), (4, 4), (5, 5), (5.0, 5)])
@pytest.mark.req("C-06")
def test_protocol_version_becomes_its_level(small: dict[str, Any], version: Any, level: int) -> None:
    """[MQTT-3.1.2-1] names the protocol level of each version."""
    small["client"] = {"protocol_version": version}
    assert load_scenario(small).to_plan()["groups"][0]["client"]["protocol_version"] == level


def test_virtual_time_has_one_shard_and_the_given_seed(small: dict[str, Any]) -> None:
    small["shards"] = 4
    plan = load_scenario(small).to_plan(sim=True, seed=9)
    assert (plan["driver"], plan["shards"], plan["seed"]) == ("sim", 1, 9)


@pytest.mark.req("D-08")
def test_target_gives_host_port_and_credentials(small: dict[str, Any]) -> None:
    small["target"] = {"url": "mqtt://user:p%40ss@broker.example:1884"}
    small["consumers"][0]["client"] = {"username": "other"}
    plan = load_scenario(small).to_plan()
    assert plan["broker"] is None
    assert plan["target"] == {"host": "broker.example", "port": 1884}
    cast, audience = (group["client"] for group in plan["groups"])
    assert (cast["user_name"], cast["password"]) == ("user", "p@ss")
    assert (audience["user_name"], audience["password"]) == ("other", None)


@pytest.mark.parametrize(("url", "port"), [("mqtt://h", 1883), ("tcp://h:9", 9), ("mqtt://[::1]:7", 7)])
def test_port_of_a_target_is_1883_unless_given(small: dict[str, Any], url: str, port: int) -> None:
    small["target"] = {"url": url}
    assert load_scenario(small).to_plan()["target"]["port"] == port


def test_broker_limits_cross_in_the_units_of_the_core(small: dict[str, Any]) -> None:
    small["broker"] = {"port": 7, "connect_timeout": "2s", "max_keep_alive": "1m", "max_queued_bytes": "1KB"}
    plan = load_scenario(small).to_plan()["broker"]
    changed = {"port": 7, "connect_timeout_ns": 2_000_000_000, "max_keep_alive_s": 60, "max_queued_bytes": 1000}
    assert plan == {**EmbeddedBroker().to_core(), **changed}


@pytest.mark.parametrize(
    ("payload", "needs"),
    [
        ("dialogue", True),
        ("size", False),
        ({"kind": "template", "template": "{seq}"}, False),
        ({"kind": "template", "template": "{character}: {text}"}, True),
    ],
)
def test_corpus_is_named_only_where_it_is_needed(small: dict[str, Any], payload: Any, needs: bool) -> None:
    small["producers"][0]["payload"] = payload
    scenario = load_scenario(small)
    assert scenario.to_plan()["corpus"]["path"] == (str(SHIPPED_CORPUS) if needs else None)
    assert scenario.to_plan(corpus_path="mine.txt")["corpus"]["path"] == ("mine.txt" if needs else None)


# ---- the scenario as a report shows it


def test_resolved_scenario_reads_back_as_the_same_plan(small: dict[str, Any]) -> None:
    small |= {"client": {"keep_alive": "9s"}, "target": {"url": "mqtt://h"}, "thresholds": {"latency": ["avg<1s"]}}
    small["producers"][0]["client"] = {"clean_start": True}
    scenario = load_scenario(small)
    again = load_scenario(json.loads(json.dumps(resolved_document(scenario))))
    assert again.to_plan() == scenario.to_plan()
    assert again.thresholds == scenario.thresholds


@pytest.mark.req("C-11")
def test_resolved_scenario_hides_every_password(small: dict[str, Any]) -> None:
    small |= {"client": {"username": "u", "password": "hush1"}, "target": {"url": "mqtt://u:hush2@h"}}
    small["producers"][0]["client"] = {"password": "hush3"}
    text = json.dumps(resolved_document(load_scenario(small)))
    assert "hush" not in text
    assert "mqtt://u:***@h" in text


# ---- paths of the core's complaints


@pytest.mark.parametrize(
    ("plan_path", "path"),
    [
        ("groups.0.publish.payload.size", "producers[0].payload.size"),
        ("groups.0.client.keep_alive_s", "producers[0].client.keep_alive"),
        ("groups.0.client.user_name", "producers[0].client.username"),
        ("groups.0.publish.rate_per_s", "producers[0].rate"),
        ("groups.1.subscribe", "consumers[0].topic"),
        ("groups.1.subscribe.0.filter", "consumers[0].topic"),
        ("groups.2.publish.topic", "devices[0].publish.topic"),
        ("groups.2.subscribe", "devices[0].subscribe.topic"),
        ("groups", "groups"),
        ("connect.timeout_ns", "connect.timeout"),
        ("duration_ns", "duration"),
        ("corpus.path", "corpus.path"),
    ],
)
def test_path_in_the_plan_leads_back_to_the_scenario(small: dict[str, Any], plan_path: str, path: str) -> None:
    small["devices"] = [{"publish": {"topic": "a"}}]
    assert scenario_path(plan_path, load_scenario(small)) == path


# ---- thresholds that are always there


def built_in(document: dict[str, Any]) -> dict[str, str]:
    return {one.metric: one.expression for one in thresholds_of(load_scenario(document)) if one.built_in}


SENT = {"unsent": "count==0"}
HEALTH = {"lateness": "p(99)<=100ms", "rate_shortfall": "rate<=0.01"}


@pytest.mark.parametrize(
    ("sent", "asked", "promised"),
    [
        (0, 0, {"reordered"}),
        (1, 0, {"unacknowledged", "reordered"}),
        (0, 2, {"reordered"}),
        (1, 1, {"unacknowledged", "lost", "reordered"}),
        (2, 1, {"unacknowledged", "lost", "reordered"}),
        (2, 2, {"unacknowledged", "lost", "duplicated", "reordered"}),
    ],
)
def test_promises_follow_the_lower_quality_of_service(
    small: dict[str, Any], sent: int, asked: int, promised: set[str]
) -> None:
    """[MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT-4.6.0-6]: at least once, exactly once, in order."""
    small["producers"][0]["qos"], small["consumers"][0]["qos"] = sent, asked
    assert built_in(small) == {**SENT, **dict.fromkeys(promised, "count==0"), **HEALTH}


def test_promise_that_the_user_wrote_is_checked_once(small: dict[str, Any]) -> None:
    small["producers"][0]["qos"] = small["consumers"][0]["qos"] = 1
    small["thresholds"] = {"lost": ["count == 0"]}
    assert [(one.metric, one.built_in) for one in thresholds_of(load_scenario(small))][:4] == [
        ("lost", False),
        ("unsent", True),
        ("unacknowledged", True),
        ("reordered", True),
    ]


def test_nothing_is_promised_to_nobody(small: dict[str, Any]) -> None:
    del small["consumers"]
    assert built_in(small) == {**SENT, **HEALTH}
    assert built_in({"name": "idle", "devices": [{"count": 3}]}) == {}


def test_full_speed_has_no_schedule_to_keep(small: dict[str, Any]) -> None:
    small["producers"][0]["rate"] = "max"
    assert built_in(small) == {**SENT, "reordered": "count==0"}


def test_limits_of_the_generator_come_from_the_scenario(small: dict[str, Any]) -> None:
    small["generator"] = {"lateness_limit": "1500us", "rate_shortfall_limit": 0.5}
    assert built_in(small) == {
        **SENT,
        "reordered": "count==0",
        "lateness": "p(99)<=1500us",
        "rate_shortfall": "rate<=0.5",
    }
