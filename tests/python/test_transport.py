"""How clients reach the broker: what a scenario says about it, and what of that reaches the core."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.runner import prepare
from mqtt_sim.scenario import load_scenario
from mqtt_sim.scenario.plan import resolved_document, scenario_path

Document = dict[str, Any]


@pytest.fixture(autouse=True)
def no_key_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)


def scenario(**fields: Any) -> Document:
    return {"name": "x", "producers": [{"topic": "t", "payload": {"kind": "size", "size": 64}}], **fields}


def targets(document: Document) -> list[Document]:
    plan = load_scenario(document).to_plan()
    return [group["target"] for group in plan["groups"]]


def test_tcp_when_nothing_is_said() -> None:
    assert targets(scenario()) == [{"transport": "tcp", "tls": None, "websocket": None}]


def test_one_word_moves_every_group_to_another_transport() -> None:
    document = scenario(transport="wss", consumers=[{"topic": "t", "client": {"transport": "tcp"}}])
    first, second = targets(document)
    assert (first["transport"], first["tls"]) == ("wss", {})
    assert first["websocket"] == {"path": "/mqtt", "headers": [], "subprotocols": ["mqtt"]}
    assert second == {"transport": "tcp", "tls": None, "websocket": None}


def test_the_url_of_an_outside_broker_says_how_to_reach_it() -> None:
    [target] = targets(scenario(target={"url": "wss://u:p@h:8081/broker?x=1"}))
    assert (target["host"], target["port"], target["transport"]) == ("h", 8081, "wss")
    assert target["websocket"]["path"] == "/broker?x=1"
    [unix] = targets(scenario(target={"url": "mqtt+unix:///run/mqtt"}))
    assert (unix["unix"], unix["transport"]) == ("/run/mqtt", "tcp")


def test_groups_choose_among_the_urls_of_an_outside_broker() -> None:
    document = scenario(
        target={"url": "mqtt://h:1883", "others": ["wss://me:secret@h:8081/ws"]},
        consumers=[{"topic": "t", "client": {"transport": "wss"}}],
    )
    plan = load_scenario(document).to_plan()
    first, second = plan["groups"]
    assert (first["target"]["port"], first["client"]["user_name"]) == (1883, None)
    assert (second["target"]["port"], second["client"]["user_name"]) == (8081, "me")
    assert plan["target"] == {"host": "h", "port": 1883}


def test_several_brokers_on_the_command_line_are_one_for_each_transport() -> None:
    document = scenario(consumers=[{"topic": "t", "client": {"transport": "tls"}}])
    plan = prepare(document, broker=["mqtt://h:1", "mqtts://h:2"]).plan
    assert [group["target"]["port"] for group in plan["groups"]] == [1, 2]


def test_mqtt_3_1_offers_the_subprotocol_of_its_time() -> None:
    [target] = targets(scenario(transport="ws", client={"protocol_version": "3.1"}))
    assert target["websocket"]["subprotocols"] == ["mqttv3.1"]
    [chosen] = targets(scenario(transport="ws", client={"websocket": {"subprotocols": ["a", "b"]}}))
    assert chosen["websocket"]["subprotocols"] == ["a", "b"]


def test_the_request_of_a_websocket() -> None:
    websocket = {"path": "/x", "headers": {"Authorization": "Bearer 1", "X-Y": ""}}
    [target] = targets(scenario(transport="ws", client={"websocket": websocket}))
    assert target["websocket"]["path"] == "/x"
    assert target["websocket"]["headers"] == [["Authorization", "Bearer 1"], ["X-Y", ""]]


def test_files_of_tls_are_looked_for_beside_the_scenario(tmp_path: Path) -> None:
    tls = {"ca": "ca.pem", "certificate": "c.pem", "key": "/abs/k.pem"}
    file = tmp_path / "s.json"
    file.write_text(json.dumps(scenario(transport="tls", client={"tls": tls})))
    [target] = [group["target"] for group in load_scenario(file).to_plan()["groups"]]
    assert target["tls"]["ca"] == [str(tmp_path / "ca.pem")]
    assert (target["tls"]["certificate"], target["tls"]["key"]) == (str(tmp_path / "c.pem"), "/abs/k.pem")


def test_files_that_a_setting_names_are_looked_for_where_the_user_is(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text(json.dumps(scenario(transport="tls", client={"tls": {"ca": "a.pem", "crl": "crl.pem"}})))
    loaded = load_scenario(file, {"client.tls.ca": "b.pem"})
    tls = loaded.client.tls
    assert tls is not None
    assert (tls.ca, tls.crl) == (["b.pem"], str(tmp_path / "crl.pem"))


def test_the_key_log_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "/keys")
    assert targets(scenario(transport="tls"))[0]["tls"] == {"key_log": "/keys"}
    [own] = targets(scenario(transport="tls", client={"tls": {"key_log": "/mine"}}))
    assert own["tls"]["key_log"] == "/mine"


def test_secrets_are_not_shown() -> None:
    tls = {"certificate": "c.pem", "key": "k.pem", "key_password": "hunter2"}
    target = {"url": "mqtts://a:hunter2@h", "others": ["wss://a:hunter2@h"]}
    shown = resolved_document(load_scenario(scenario(client={"tls": tls}, target=target)))
    assert shown["client"]["tls"]["key_password"] == "***"
    assert "hunter2" not in json.dumps(shown)


def test_a_certificate_that_is_not_checked_is_warned_of_once() -> None:
    tls = {"reject_unauthorized": False}
    document = scenario(transport="tls", client={"tls": tls}, consumers=[{"topic": "t"}])
    warnings = prepare(document).warnings
    assert len(warnings) == 1
    assert warnings[0].startswith("the broker's certificate is not checked by producer, consumer")
    assert prepare(scenario(client={"tls": tls})).warnings == [], "nobody uses TLS"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"transport": "quic"}, 'transport = "quic": should be'),
        ({"client": {"tls": {"kay": "k"}}}, 'client.tls.kay = "k": there is no key "kay" here; did you mean "key"?'),
        ({"client": {"tls": {"key": "k.pem"}}}, 'client.tls.key = "k.pem": needs the "certificate"'),
        ({"client": {"tls": {"certificate": "c.pem"}}}, 'client.tls.certificate = "c.pem": needs its private "key"'),
        ({"client": {"tls": {"min_version": "1.1"}}}, 'client.tls.min_version = "1.1": should be'),
        ({"client": {"websocket": {"path": "mqtt"}}}, 'client.websocket.path = "mqtt": should begin with "/"'),
        ({"client": {"websocket": {"path": "/a b"}}}, "should have no blanks"),
        ({"client": {"websocket": {"headers": {"a b": "c"}}}}, '"a b" is no name of an HTTP header'),
        ({"client": {"websocket": {"headers": {"a": "b\r\nc: d"}}}}, "should have no control characters"),
        ({"target": {"url": "mqtt://h"}, "transport": "ws"}, 'transport = "ws": the target has no URL for it'),
        (
            {"target": {"url": "mqtt://h"}, "consumers": [{"topic": "t", "client": {"transport": "ws"}}]},
            'consumers[0].client.transport = "ws": the target has no URL for it',
        ),
        (
            {"target": {"url": "mqtt://h", "others": ["tcp://i"]}},
            'target.others[0] = "tcp://i": another URL has the transport tcp already',
        ),
        (
            {"consumers": [{"topic": "t", "client": {"tls": {}}}]},
            "consumers[0].client.tls: needs the transport tls or wss, and it is tcp",
        ),
    ],
)
def test_what_is_wrong_names_its_place_and_what_would_be_right(fields: Document, complaint: str) -> None:
    with pytest.raises(mqtt_sim.ScenarioError) as error:
        load_scenario(scenario(**fields))
    assert complaint in str(error.value)


def test_a_broker_option_that_fits_no_group_is_refused() -> None:
    with pytest.raises(mqtt_sim.ScenarioError, match="the target has no URL for it"):
        prepare(scenario(transport="wss"), broker="mqtt://h")
    with pytest.raises(mqtt_sim.UsageError, match="another URL has the transport tcp"):
        prepare(scenario(), broker=["mqtt://h", "tcp://h:2"])


def test_the_core_speaks_of_the_place_where_it_was_written() -> None:
    both = load_scenario(scenario(client={"tls": {}}, consumers=[{"topic": "t", "client": {"transport": "ws"}}]))
    assert scenario_path("groups.0.target.tls.ca", both) == "client.tls"
    assert scenario_path("groups.0.target.transport", both) == "transport"
    assert scenario_path("groups.1.target.transport", both) == "consumers[0].client.transport"


def test_a_ca_file_that_is_not_there_is_told_before_the_run() -> None:
    document = scenario(transport="tls", client={"tls": {"ca": "no_such_ca.pem"}})
    with pytest.raises(mqtt_sim.ScenarioError, match=r"client\.tls.*no_such_ca\.pem"):
        prepare(document)


def test_a_transport_that_the_embedded_broker_does_not_take_is_told_before_the_run() -> None:
    document = scenario(transport="wss", broker={"listeners": [{"port": 0}]})
    with pytest.raises(mqtt_sim.ScenarioError, match=r'transport = "wss": should be one that a listener'):
        prepare(document)
