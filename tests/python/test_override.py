"""`--set path=value`: any field by its path."""

from __future__ import annotations

from typing import Any

import pytest

from mqtt_sim.errors import ScenarioError, UsageError
from mqtt_sim.scenario import load_scenario
from mqtt_sim.scenario.override import parse_settings
from mqtt_sim.scenario.path import parse_path, show_path


def plan(document: dict[str, Any], *arguments: str) -> dict[str, Any]:
    return load_scenario(document, parse_settings(arguments)).to_plan()


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("duration=5s", {"duration": "5s"}),
        ("duration=5", {"duration": 5}),
        ("producers.0.retain=true", {"producers.0.retain": True}),
        ("producers.0.payload={\"kind\":\"size\"}", {"producers.0.payload": {"kind": "size"}}),
        ("client.password=1234", {"client.password": "1234"}),
        ("producers.cast.topic=5", {"producers.cast.topic": "5"}),
        ("client.username=null", {"client.username": None}),
        ("name=a=b", {"name": "a=b"}),
        ("client.protocol_version=5", {"client.protocol_version": 5}),
        ("client.protocol_version=3.1.1", {"client.protocol_version": "3.1.1"}),
    ],
)  # fmt: skip
def test_value_is_json_or_text(argument: str, expected: dict[str, Any]) -> None:
    assert parse_settings([argument]) == expected


@pytest.mark.parametrize("argument", ["duration", "=5", ""])
def test_argument_that_is_no_setting_is_wrong_usage(argument: str) -> None:
    with pytest.raises(UsageError, match="should look like path=value"):
        parse_settings([argument])


def test_fields_are_changed(small: dict[str, Any]) -> None:
    changed = plan(
        small,
        "duration=5s",
        "producers.0.qos=1",
        "producers.cast.rate=2",
        "producers[0].payload.size=1KB",
        "client.protocol_version=5",
        "client.will.topic=gone",
        "broker.port=1883",
        "consumers.audience.client.keep_alive=5s",
    )
    cast, audience = changed["groups"]
    assert changed["duration_ns"] == 5_000_000_000
    assert (cast["publish"]["qos"], cast["publish"]["rate_per_s"]) == (1, 2.0)
    assert cast["publish"]["payload"] == {"kind": "size", "size": 1000}
    assert cast["client"]["protocol_version"] == 5
    assert cast["client"]["will"]["topic"] == "gone"
    assert changed["broker"]["port"] == 1883
    assert (cast["client"]["keep_alive_s"], audience["client"]["keep_alive_s"]) == (60, 5)


def test_short_payload_is_spelt_out(small: dict[str, Any]) -> None:
    small["producers"][0]["payload"] = "dialogue"
    changed = plan(small, "producers.0.payload.order=shuffle")
    assert changed["groups"][0]["publish"]["payload"]["order"] == "shuffle"


def test_group_without_a_name_has_the_name_of_its_role(small: dict[str, Any]) -> None:
    del small["producers"][0]["name"]
    assert plan(small, "producers.producer.qos=2")["groups"][0]["publish"]["qos"] == 2


def test_thresholds_are_set_by_metric(small: dict[str, Any]) -> None:
    changed = load_scenario(small, parse_settings(['thresholds.latency=["p(99)<1s"]']))
    assert changed.thresholds == {"latency": ["p(99)<1s"]}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("durtion=5s", '--set: durtion: there is no field "durtion" here; did you mean "duration"?'),
        ("producers.0.qso=1", 'there is no field "qso" here; did you mean "qos"?'),
        ("producers.5.qos=1", "producers has 1 items, numbered from 0"),
        ("producers.cats.qos=1", 'there is no group "cats" in producers; did you mean "cast"?'),
        ("devices.x.count=1", 'there is no group "x" in devices; there is none'),
        ("duration.x=1", "duration has no fields"),
        ("producers..qos=1", "should be a path"),
        ("producers.0.payload.sise=1", 'there is no field "sise" here; did you mean "size"?'),
    ],
)
def test_path_that_leads_nowhere_is_refused(small: dict[str, Any], argument: str, message: str) -> None:
    with pytest.raises(ScenarioError) as error:
        plan(small, argument)
    assert message in str(error.value)


def test_wrong_value_is_told_like_one_of_the_file(small: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError, match=r"producers\[0\]\.qos = 9: should be 0, 1 or 2"):
        plan(small, "producers.0.qos=9")


def test_all_wrong_paths_are_told(small: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError) as error:
        plan(small, "durtion=1", "produces.0.qos=1")
    assert [fault.path for fault in error.value.faults] == ["durtion", "produces.0.qos"]


@pytest.mark.parametrize("text", ["duration", "producers[0].qos", "a.b[1][2].c"])
def test_path_is_shown_as_it_is_read(text: str) -> None:
    assert show_path(parse_path(text)) == text
