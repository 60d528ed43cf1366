"""What a scenario may say, and what each wrong one is told: path, value, and what would be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.errors import Fault, ScenarioError
from mqtt_sim.scenario import Scenario, load_scenario

Document = dict[str, Any]


def faults(document: Document) -> list[Fault]:
    with pytest.raises(ScenarioError) as error:
        load_scenario(document)
    return error.value.faults


def fault(document: Document) -> str:
    found = faults(document)
    assert len(found) == 1, found
    return str(found[0])


def put(document: Document, path: str, value: Any) -> Document:
    """`producers.0.qos` → value, without any check."""
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = document
    for step in steps:
        if isinstance(place, dict):
            place.setdefault(step, {})
        place = place[step]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        # unknown keys
        ("duraton", "5s", 'duraton = "5s": there is no key "duraton" here; did you mean "duration"?'),
        ("producers.0.qso", 1, 'producers[0].qso = 1: there is no key "qso" here; did you mean "qos"?'),
        ("client.keepalive", 5, 'client.keepalive = 5: there is no key "keepalive" here; did you mean "keep_alive"?'),
        ("producers.0.payload.sise", 5, 'payload.sise = 5: there is no key "sise" here; did you mean "size"?'),
        ("producers.0.zzz", 5, 'there is no key "zzz" here; known are client, content_type, count, in_flight,'),
        # wrong types
        ("name", 5, "name = 5: should be text in quotes"),
        ("producers", {}, "producers = {}: should be a list"),
        ("producers.0", 5, "producers[0] = 5: should be an object"),
        ("producers.0.count", "5", 'producers[0].count = "5": should be a whole number, without quotes'),
        ("producers.0.count", 1.5, "producers[0].count = 1.5: should be a whole number"),
        ("producers.0.count", True, "producers[0].count = true: should be a whole number"),
        ("producers.0.retain", "yes", 'producers[0].retain = "yes": should be true or false'),
        ("producers.0.rate", "fast", 'rate = "fast": should be a number of messages per second and client, or "max"'),
        ("producers.0.payload", 5, 'payload = 5: should be "dialogue", or an object'),
        ("client.will", "gone", 'client.will = "gone": should be an object'),
        ("duration", [5], "duration = [5]: should be a duration"),
        ("thresholds", ["p(99)<5ms"], 'thresholds = ["p(99)<5ms"]: should be an object'),
        ("thresholds.latency", "p(99)<5ms", 'thresholds.latency = "p(99)<5ms": should be a list of expressions'),
        ("thresholds.latency", [5], "thresholds.latency[0] = 5: should be text"),
        # impossible values
        ("name", "", "should have at least 1 character"),
        ("seed", -1, "seed = -1: should be at least 0"),
        ("duration", "0s", "should be longer than 0s"),
        ("duration", -5, "duration = -5: should not be negative"),
        ("duration", "400d", "should be at most 365 days"),
        ("duration", "5 sec", 'duration = "5 sec": should be a duration such as "500ms"'),
        ("warmup", "10s", "warmup = 10.0: should be shorter than the duration"),
        ("shards", 0, "shards = 0: should be at least 1"),
        ("producers.0.qos", 3, "producers[0].qos = 3: should be 0, 1 or 2"),
        ("producers.0.qos", True, "producers[0].qos = true: should be 0, 1 or 2"),
        ("producers.0.count", 0, "should be at least 1"),
        ("producers.0.rate", 0, "should be above 0"),
        ("producers.0.rate", -1, "should be above 0"),
        ("producers.0.in_flight", 0, "producers[0].in_flight = 0: should be at least 1"),
        ("producers.0.in_flight", 70_000, "should be at most 65535"),
        ("producers.0.messages", 0, "should be at least 1"),
        ("producers.0.name", "a.b", "should be a name of letters, digits, - and _"),
        ("producers.0.name", "4", "should be a name of letters, digits, - and _ that begins with a letter"),
        ("producers.0.payload", "dialog", 'there is no payload kind "dialog"; did you mean "dialogue"?'),
        ("producers.0.payload", {"kind": "sise"}, 'there is no payload kind "sise"; did you mean "size"?'),
        ("producers.0.payload", {"size": 5}, 'should name its "kind"'),
        ("producers.0.payload", {"kind": "template"}, "producers[0].payload.template: is missing"),
        ("producers.0.payload.size", "1 QB", "should be a size such as"),
        ("producers.0.payload.size", 300_000_000, "should be at most 256000000"),
        ("client.protocol_version", "6", 'client.protocol_version = "6": should be "3.1", "3.1.1" or "5.0"'),
        ("client.keep_alive", "20h", "should be at most 65535s"),
        ("client.keep_alive", "1500ms", "should be whole seconds"),
        ("client.receive_maximum", 0, "should be at least 1"),
        ("connect.in_progress", 0, "should be at least 1"),
        ("connect.timeout", "0s", "should be longer than 0s"),
        ("connect.source_addresses", ["localhost"], "source_addresses[0] = \"localhost\": should be an IP address"),
        ("broker.port", 70_000, "broker.port = 70000: should be at most 65535"),
        ("broker.max_conections", 5, 'did you mean "max_connections"?'),
        ("target.url", "localhost:1883", "should look like mqtt://host:1883"),
        ("target.url", "quic://h", 'there is no transport "quic"'),
        ("target.url", "http://h", 'there is no transport "http"'),
        ("target.url", "mqtt://h:x", "its port should be a number from 1 to 65535"),
        ("target.url", "mqtt://h:0", "its port should be a number from 1 to 65535"),
        ("target.url", "mqtt://:1883", "the host is missing"),
        ("target.url", "mqtt://h/topic", "nothing should follow the port"),
        ("generator.on_invalid", "ignore", "generator.on_invalid = \"ignore\": should be 'fail' or 'warn'"),
        # topics, filters, identifiers
        ("producers.0.topic", "", "should be at least one character long [MQTT-4.7.3-1]"),
        ("producers.0.topic", "a/+", 'without the wildcard "+" [MQTT-3.3.2-2]'),
        ("producers.0.topic", "a/#", 'without the wildcard "#" [MQTT-3.3.2-2]'),
        ("producers.0.topic", "a\0", "NUL [MQTT-4.7.3-2]"),
        ("producers.0.topic", "é" * 40_000, "at most 65535 bytes"),
        ("producers.0.topic", "t/{ii}", "there is no placeholder {ii} here; did you mean {i}?"),
        ("producers.0.topic", "t/{grup}", "there is no placeholder {grup} here; did you mean {group}?"),
        ("producers.0.topic", "t/{seq}", "there is no placeholder {seq} here"),
        ("producers.0.topic", "t/#{i+5}", "should be a topic to publish to"),
        ("producers.0.topic", "t/{speaker}", '{speaker} needs a payload of kind "dialogue"'),
        ("consumers.0.topic", "", "at least one character"),
        ("consumers.0.topic", "a/#/b", '"#" should be the last level'),
        ("consumers.0.topic", "a#", '"#" should be the last level'),
        ("consumers.0.topic", "a/b+", '"+" should be alone in its level'),
        ("consumers.0.topic", "a/{speaker}", "there is no placeholder {speaker} here"),
        ("consumers.0.topic", "$share/g", 'should be "$share/name/filter", the name without wildcards'),
        ("consumers.0.topic", "$share/+/a", 'should be "$share/name/filter", the name without wildcards'),
        ("consumers.0.topic", "$share/g/a#", '"#" should be the last level'),
        ("consumers.0.topics", ["a"], 'consumers[0].topic: give "topic" or "topics", not both'),
        ("client.client_id", "c-{client_id}", "there is no placeholder {client_id} here"),
        ("client.client_id", "c", "all 5 clients would share it"),
        ("client.will", {"topic": "a/+"}, "client.will.topic"),
        # parts that do not fit each other
        ("producers.0.stamp", "json", 'a payload of kind "size" is no JSON'),
        ("producers.0.stamp", "property", "properties need MQTT 5.0, and the protocol version is 3.1.1"),
        ("client.session_expiry_interval", "5s", "needs MQTT 5.0"),
        ("client.password", "secret", "client.password: MQTT 3.1.1 needs a username"),
        ("consumers.0.name", "cast", "consumers[0].name = \"cast\": another group has this name"),
        # thresholds
        ("thresholds.latncy", ["p(99)<5ms"], 'thresholds.latncy: there is no metric "latncy"; did you mean "latency"?'),
        ("thresholds.latency", ["p(99)<5"], 'thresholds.latency[0] = "p(99)<5": the limit needs a unit'),
        ("thresholds.latency", [{"threshold": "p(99)<5ms", "abort_on_fail": True}], "thresholds as text only"),
    ],
)  # fmt: skip
def test_wrong_scenario_is_told_what_would_be_right(small: Document, path: str, value: Any, message: str) -> None:
    told = [str(one) for one in faults(put(small, path, value))]
    assert any(message in one for one in told), told


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_number_that_is_none_is_refused(small: Document, value: float) -> None:
    assert "should be" in fault(put(small, "connect.rate", value))


@pytest.mark.parametrize("key", ["name", "producers.0.topic"])
def test_missing_key_is_named(small: Document, key: str) -> None:
    place: Any = small if key == "name" else small["producers"][0]
    del place[key.split(".")[-1]]
    assert fault(small) == key.replace(".0", "[0]") + ": is missing"


def test_consumer_without_a_filter_is_refused(small: Document) -> None:
    del small["consumers"][0]["topic"]
    assert fault(small) == 'consumers[0].topic: give "topic" or "topics"'


def test_scenario_without_a_client_is_refused() -> None:
    assert "there is no client" in fault({"name": "empty"})


def test_broker_and_target_together_are_refused(small: Document) -> None:
    small |= {"broker": {}, "target": {"url": "mqtt://localhost"}}
    assert 'give "broker" (the embedded one) or "target"' in fault(small)


def test_no_local_and_a_share_do_not_go_together(small: Document) -> None:
    put(small, "client.protocol_version", "5.0")
    put(small, "consumers.0.topic", "$share/g/t/#")
    assert faults(small | {"consumers": [{**small["consumers"][0], "no_local": True}]})[0].remedy.endswith(
        "shared subscriptions [MQTT-3.8.3-4]"
    )


def test_two_faults_of_one_group_are_both_told(small: Document) -> None:
    put(small, "producers.0.qos", 9)
    put(small, "consumers.0.qos", -1)
    assert [one.path for one in faults(small)] == ["producers[0].qos", "consumers[0].qos"]


def test_groups_with_equal_client_ids_are_refused(small: Document) -> None:
    put(small, "client.client_id", "c-{i}")
    assert 'the group "cast" has the same identifiers; put {group} into it' in fault(small)


def test_wildcard_in_a_client_id_does_not_reach_a_topic(small: Document) -> None:
    put(small, "producers.0.topic", "t/{client_id}")
    put(small, "client.client_id", "{group}+{i}")
    assert "would put a wildcard into it" in fault(small)


def test_empty_client_id_needs_a_clean_start(small: Document) -> None:
    put(small, "client.client_id", "")
    load_scenario(small)
    put(small, "client.clean_start", False)
    assert {one.path for one in faults(small)} == {"client.client_id"}


def test_threshold_on_what_nothing_measures_is_refused(small: Document) -> None:
    put(small, "thresholds.latency", ["p(99)<5ms"])
    put(small, "producers.0.stamp", "none")
    assert "thresholds.latency" in fault(small)


@pytest.mark.req("C-11")
def test_password_is_never_told(small: Document) -> None:
    for path, value in (("client.password", 12345), ("client.passwort", "secret12345")):
        told = str(faults(put(dict(small, client={}), path, value))[0])
        assert "12345" not in told


def test_fault_in_a_groups_own_client_is_found_there(small: Document) -> None:
    put(small, "producers.0.client.session_expiry_interval", "5s")
    assert fault(small).startswith("producers[0].client.session_expiry_interval")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$schema", "scenario.schema.json"),
        ("client.protocol_version", 5),
        ("client.protocol_version", "3.1"),
        ("client.client_id", "{group}/{n}"),
        ("producers.0.rate", "max"),
        ("producers.0.topic", 'odd{"x":1}{ }'),
        ("producers.0.payload", "size"),
        ("producers.0.payload", {"kind": "template", "template": '{"n":{seq},"at":{epoch_ms}}'}),
        ("producers.0.payload.size", "1KB"),
        ("consumers.0.topic", "+/a/#"),
        ("consumers.0.topic", "/"),
        ("devices", [{"count": 3}]),
        ("devices", [{"publish": {"topic": "a"}, "subscribe": {"topics": ["b", "c"], "qos": 2}}]),
        ("duration", 0.5),
        ("broker", {"port": 1883, "max_keep_alive": "1m", "max_queued_bytes": "1GiB"}),
        ("target", {"url": "tcp://user:p%40ss@[::1]:1884/"}),
    ],
)
def test_allowed_spelling_is_read(small: Document, path: str, value: Any) -> None:
    load_scenario(put(small, path, value))


@pytest.mark.req("P-08")
def test_classes_refuse_what_files_may_not_say() -> None:
    with pytest.raises(ScenarioError, match=r'^Producers: qso = 1: there is no key "qso" here; did you mean "qos"\?$'):
        mqtt_sim.Producers(topic="t", qso=1)  # type: ignore[call-arg]


def test_classes_tell_all_faults_with_their_places() -> None:
    with pytest.raises(ScenarioError) as error:
        Scenario(name="x", duration="5", producers=[{"topic": "#"}], connect={"rate": -1})  # type: ignore[arg-type]
    assert [one.path for one in error.value.faults] == ["duration", "connect.rate", "producers[0].topic"]


def test_error_shows_ten_faults_and_counts_the_rest() -> None:
    document: Document = {f"key{n}": n for n in range(14)}
    with pytest.raises(ScenarioError) as error:
        load_scenario({"name": "x", **document})
    lines = str(error.value).splitlines()
    assert lines[0] == "14 errors"
    assert len(lines) == 12
    assert lines[-1] == "  ... and 4 more"
    assert len(error.value.faults) == 14


def test_scenario_does_not_change_after_its_check(small: Document) -> None:
    scenario = load_scenario(small)
    with pytest.raises(ValueError, match="frozen"):
        scenario.duration = 5.0  # type: ignore[misc]


Change = Callable[[Document], None]


def test_group_changes_single_fields_of_the_client(small: Document) -> None:
    put(small, "client", {"keep_alive": "9s", "username": "u"})
    put(small, "producers.0.client", {"username": "v"})
    scenario = load_scenario(small)
    cast, audience = (scenario.client_of(group) for group in scenario.groups)
    assert (cast.keep_alive, cast.username) == (9.0, "v")
    assert (audience.keep_alive, audience.username) == (9.0, "u")
