"""What a scenario may ask for in MQTT 5.0 only: how it is written, where it is refused, what becomes of it in a run."""

from __future__ import annotations

from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.errors import ScenarioError
from mqtt_sim.scenario import load_scenario
from mqtt_sim.scenario.plan import resolved_document, scenario_path

PATIENT = {"generator": {"lateness_limit": "5s", "rate_shortfall_limit": 1}}
MESSAGE = {
    "message_expiry": "1m",
    "content_type": "application/json",
    "response_topic": "reply/{client_id}",
    "payload_format": "text",
    "user_properties": {"b": "1", "a": "2"},
}
IN_PLAN = {
    "payload_format": "text",
    "message_expiry_s": 60,
    "content_type": "application/json",
    "response_topic": "reply/{client_id}",
    "user_properties": [["b", "1"], ["a", "2"]],
}
CLIENT = {
    "will": {"topic": "w", "delay": "5s", "properties": {**MESSAGE, "response_topic": "r"}},
    "reconnect_jitter": "full",
    "maximum_packet_size": "4KiB",
    "adopt_session": True,
    "authentication": {"username": "ann", "password": "secret"},
    "user_properties": {"tenant": "t7"},
    "topic_alias": "auto",
    "topic_alias_maximum": 9,
}
SUBSCRIBE = {
    "no_local": True,
    "retain_as_published": True,
    "retain_handling": "do_not_send",
    "subscription_identifier": 300,
}


def document(version: str = "5.0", **changes: Any) -> dict[str, Any]:
    """Devices that hear each other and themselves."""
    return {
        "name": "five",
        "duration": "1s",
        "client": {"protocol_version": version},
        "devices": [
            {
                "name": "device",
                "count": 4,
                "publish": {"topic": "t/{i}", "rate": 10, "payload": {"kind": "size", "size": 64}},
                "subscribe": {"topic": "t/+"},
            }
        ],
        **PATIENT,
        **changes,
    }


def test_everything_crosses_into_the_plan() -> None:
    one = document(client={"protocol_version": "5.0", **CLIENT})
    one["devices"][0]["publish"] |= MESSAGE
    one["devices"][0]["subscribe"] |= SUBSCRIBE
    (group,) = load_scenario(one).to_plan()["groups"]
    client = group["client"]
    assert client["will"] == {
        "topic": "w",
        "payload": "",
        "qos": 0,
        "retain": False,
        "delay_s": 5,
        "properties": {**IN_PLAN, "response_topic": "r"},
    }
    assert client["authentication"] == {"method": "SCRAM-SHA-256", "user_name": "ann", "password": "secret"}
    assert (client["reconnect_jitter"], client["maximum_packet_size"], client["adopt_session"]) == ("full", 4096, True)
    assert client["user_properties"] == [["tenant", "t7"]]
    assert (client["topic_alias"], client["topic_alias_maximum"]) == ("auto", 9)
    assert group["publish"]["properties"] == IN_PLAN
    assert group["subscription_identifier"] == 300
    assert group["subscribe"] == [
        {
            "filter": "t/+",
            "qos": 0,
            "no_local": True,
            "retain_as_published": True,
            "retain_handling": "do_not_send",
        }
    ]


def test_password_of_the_authentication_is_not_shown_in_a_report() -> None:
    shown = resolved_document(load_scenario(document(client={"protocol_version": "5.0", **CLIENT})))
    assert shown["client"]["authentication"] == {"method": "SCRAM-SHA-256", "username": "ann", "password": "***"}
    assert "secret" not in str(shown)


@pytest.mark.parametrize("field", sorted(CLIENT.keys() - {"reconnect_jitter", "adopt_session", "maximum_packet_size"}))
@pytest.mark.parametrize("version", ["3.1", "3.1.1"])
def test_a_field_of_the_client_is_refused_below_5(field: str, version: str) -> None:
    with pytest.raises(ScenarioError, match=r"needs MQTT 5\.0") as refused:
        load_scenario(document(client={"protocol_version": version, field: CLIENT[field]}))
    assert f"client.{field}" in str(refused.value)


@pytest.mark.parametrize(
    ("part", "field"), [*(("publish", name) for name in MESSAGE), *(("subscribe", name) for name in SUBSCRIBE)]
)
def test_a_field_of_messages_and_subscriptions_is_refused_below_5(part: str, field: str) -> None:
    one = document("3.1.1")
    one["devices"][0][part][field] = {**MESSAGE, **SUBSCRIBE}[field]
    with pytest.raises(ScenarioError, match=r"needs MQTT 5\.0") as refused:
        load_scenario(one)
    assert f"devices[0].{part}.{field}" in str(refused.value)


@pytest.mark.parametrize(
    ("path", "value", "remedy"),
    [
        ("client.topic_alias", "lru", "auto"),
        ("client.topic_alias_maximum", 65_536, "65535"),
        ("client.maximum_packet_size", 3, "4"),
        ("client.reconnect_jitter", "half", "full"),
        ("client.authentication", {"method": "PLAIN", "username": "u", "password": "p"}, "SCRAM-SHA-256"),
        ("client.user_properties", {"a": "b\0"}, "NUL"),
        ("client.will", {"topic": "w", "delay": "1500ms"}, "whole seconds"),
        ("client.will", {"topic": "w", "delay": 4_294_967_296}, "4294967295s"),
        ("devices.0.publish.message_expiry", "1500ms", "whole seconds"),
        ("devices.0.publish.response_topic", "a/#", "without the wildcard"),
        ("devices.0.publish.response_topic", "a/{speaker}", "no placeholder"),
        ("devices.0.publish.payload_format", "json", "text"),
        ("devices.0.subscribe.retain_handling", "never", "send_if_new"),
        ("devices.0.subscribe.subscription_identifier", 0, "1"),
    ],
)
def test_what_is_wrong_is_refused_with_a_remedy(path: str, value: Any, remedy: str) -> None:
    one = document()
    *parents, last = path.split(".")
    at: Any = one
    for parent in parents:
        at = at[int(parent)] if parent.isdigit() else at[parent]
    at[last] = value
    with pytest.raises(ScenarioError) as refused:
        load_scenario(one)
    assert remedy in str(refused.value)


def test_paths_in_the_plan_lead_back_to_the_scenario() -> None:
    scenario = load_scenario(document())
    assert scenario_path("groups.0.client.will.delay_s", scenario) == "devices[0].client.will.delay"
    assert scenario_path("groups.0.publish.properties.content_type", scenario) == "devices[0].publish.content_type"
    assert scenario_path("groups.0.subscription_identifier", scenario).startswith("devices[0].subscribe")


# ---- runs in virtual time


@pytest.mark.sim
@pytest.mark.parametrize("no_local", [False, True])
def test_devices_hear_themselves_unless_no_local(no_local: bool) -> None:
    """[MQTT-3.8.3-3]: and the ledger expects exactly that."""
    one = document()
    one["devices"][0]["subscribe"]["no_local"] = no_local
    result = mqtt_sim.run(one, sim=True)
    assert result.passed, result
    assert result.delivered == result.expected == 40 * (3 if no_local else 4)


@pytest.mark.sim
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_everything_together_changes_no_count(qos: int) -> None:
    client = {"protocol_version": "5.0", **CLIENT}
    one = document(client=client, broker={"credentials": {"ann": "secret"}})
    one["devices"][0]["publish"] |= {**MESSAGE, "qos": qos}
    one["devices"][0]["subscribe"] |= {**SUBSCRIBE, "qos": qos}
    result = mqtt_sim.run(one, sim=True)
    assert result.passed, (str(result), result.errors)
    assert result.delivered == result.expected == 40 * 3
    assert result.ends == {"ended by us": 4}


@pytest.mark.sim
@pytest.mark.req("X-07")
def test_the_wrong_password_is_refused_by_name() -> None:
    authentication = {"username": "ann", "password": "wrong"}
    one = document(client={"protocol_version": "5.0", "authentication": authentication})
    one["broker"] = {"credentials": {"ann": "secret"}}
    result = mqtt_sim.run(one, sim=True)
    assert result.exit_code == 106
    assert result.ends == {"ended by the server: refused by CONNACK: not authorized": 4}


@pytest.mark.sim
def test_topic_aliases_save_bytes_and_change_nothing_else() -> None:
    def sent(alias: str) -> tuple[int, int]:
        one = document(client={"protocol_version": "5.0", "topic_alias": alias}, broker={"topic_alias_maximum": 5})
        one["devices"][0]["publish"]["topic"] = "a/topic/with/quite/a/long/name/{i}"
        one["devices"][0]["subscribe"]["topic"] = "a/#"
        result = mqtt_sim.run(one, sim=True)
        assert result.passed, result
        return result.counts["bytes_out"], result.delivered

    plain, aliased = sent("off"), sent("auto")
    assert plain[1] == aliased[1] == 160
    assert aliased[0] < plain[0] - 36 * 25


@pytest.mark.sim
def test_a_client_takes_no_packet_over_its_maximum() -> None:
    """[MQTT-3.1.2-24]: the broker does not send it, so it counts as lost."""
    one = document(client={"protocol_version": "5.0", "maximum_packet_size": 60})
    result = mqtt_sim.run(one, sim=True)
    assert (result.delivered, result.lost) == (0, result.expected)
    assert result.ends == {"ended by us": 4}
