"""Payload and topic functions of native producers: what they are told, what becomes of what they say, how often."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim import Consumers, MessageContext, Producers, PythonFunction, Scenario, ScenarioError, run
from mqtt_sim.report.summary import summary

Play = Callable[..., mqtt_sim.Result]
SAMPLE = {"name": "test", "duration": "1s", "consumers": [{"topic": "#"}]}


def test_a_function_says_what_each_message_carries(play: Play) -> None:
    told: list[tuple[Any, ...]] = []

    def order(message: MessageContext) -> str:
        told.append((message.group, message.index, message.size, message.client_id, message.seq, message.topic))
        return f"{message.seq}"

    result = play(payload=order)
    assert result.passed, str(result)
    assert result.lost == 0
    assert result.delivered == 20
    assert result.latency.count == 20
    assert sorted(told) == [
        ("orders", index, 2, f"orders-{index}", seq, f"orders/{index}") for index in (0, 1) for seq in range(10)
    ]


def test_a_message_knows_when_it_is_to_leave(play: Play) -> None:
    times: dict[tuple[int, int], float] = {}

    def order(message: MessageContext) -> bytes:
        times[message.index, message.seq] = message.time
        return b""

    play(payload=order)
    assert times[0, 0] == 0
    assert times[1, 0] == pytest.approx(0.05)
    assert times[1, 9] == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("version", "stamp"), [("3.1.1", "auto"), ("3.1.1", "json"), ("3.1.1", "trailer"), ("5.0", "auto")]
)
def test_messages_are_stamped_like_any_others(play: Play, version: str, stamp: str) -> None:
    result = play(
        payload=lambda message: json.dumps({"n": message.seq}),
        stamp=stamp,
        scenario={"client": {"protocol_version": version}},
    )
    assert result.passed, str(result)
    assert (result.delivered, result.latency.count, result.counts["undecodable"]) == (20, 20, 0)


def test_a_payload_that_is_no_object_is_stamped_behind_it(play: Play) -> None:
    result = play(payload=lambda message: bytes(range(256)))
    assert (result.delivered, result.counts["undecodable"]) == (20, 0)


@pytest.mark.sim
def test_the_same_seed_gives_the_same_bytes() -> None:
    said: list[str] = []

    def order(message: MessageContext) -> str:
        said.append(f"{message.index} {message.seq} {message.random.random()}")
        return said[-1]

    def once(seed: int) -> tuple[str, list[str]]:
        said.clear()
        producers = [Producers(count=50, topic="t/{i}", payload=order, rate=5, qos=1)]
        scenario = Scenario(name="x", duration="30s", producers=producers, consumers=[Consumers(topic="t/#", qos=1)])
        return json.dumps(run(scenario, sim=True, seed=seed).to_dict()), list(said)

    assert once(3) == once(3)
    assert once(3)[1] != once(4)[1]


# ---- topics


def test_a_function_says_where_each_message_goes(play: Play) -> None:
    result = play(
        topic=lambda message: f"rooms/{message.seq % 5}", payload={"kind": "size", "size": 64}, hear="rooms/3"
    )
    assert result.passed, str(result)
    assert (result.written, result.expected, result.delivered, result.lost) == (20, 4, 4, 0)
    assert result.counts["foreign"] == 0


def test_topic_and_payload_functions_go_together(play: Play) -> None:
    heard: list[str] = []

    def payload(message: MessageContext) -> str:
        heard.append(message.topic)
        return message.topic

    result = play(topic=lambda message: f"{message.topic}rooms/{message.index}", payload=payload)
    assert result.passed, str(result)
    assert result.expected == result.delivered == 20
    assert set(heard) == {"rooms/0", "rooms/1"}


def test_a_group_that_listens_to_itself_counts_too(play: Play) -> None:
    device = mqtt_sim.Devices(
        name="echo",
        count=3,
        publish=mqtt_sim.Publish(topic=lambda message: f"echo/{message.index}", payload={"kind": "size"}, rate=10),
        subscribe=mqtt_sim.Subscribe(topic="echo/+"),
    )
    result = play(scenario={"devices": [device]})
    echo = next(group for group in result.document["groups"] if group["name"] == "echo")
    assert (echo["counts"]["expected"], echo["counts"]["lost"]) == (90, 0)


# ---- how often Python is entered


@pytest.mark.parametrize("is_batch", [False, True])
def test_python_is_entered_for_many_messages_at_once(play: Play, is_batch: bool) -> None:
    def order(messages: Any) -> Any:
        return ["x" for _ in messages] if is_batch else "x"

    result = play(count=200, rate=20, payload=PythonFunction(function=order, batch=is_batch), scenario={"drain": "10s"})
    assert result.has_python
    group = result.functions["groups"][0]
    assert result.delivered == result.written == group["messages"] == 4000
    assert group["calls"] == (result.functions["batches"] if is_batch else 4000)
    assert result.functions["batches"] < 4000 / 10


@pytest.mark.net
def test_a_message_without_a_function_meets_no_python() -> None:
    result = run({**SAMPLE, "producers": [{"topic": "t", "payload": {"kind": "size"}}]}, set={"duration": "100ms"})
    assert not result.has_python
    assert result.functions == {}
    assert "functions" not in result.document


@pytest.mark.net
def test_at_full_speed_the_function_sets_the_pace() -> None:
    def order(message: MessageContext) -> str:
        assert message.time >= 0
        return "x" * 20

    producers = [Producers(topic="t", payload=order, rate="max", qos=1, messages=5000)]
    result = run(Scenario(name="x", duration="20s", producers=producers, consumers=[Consumers(topic="t", qos=1)]))
    assert result.passed, str(result)
    assert result.delivered == 5000
    assert result.functions["batches"] < 500


@pytest.mark.net
def test_a_function_that_cannot_keep_up_is_told_and_the_run_is_not_healthy() -> None:
    def slow(message: MessageContext) -> str:
        time.sleep(0.01)
        return "x"

    producers = [Producers(name="slow", count=100, topic="t", payload=slow, rate=10)]
    scenario = Scenario(name="x", duration="2s", producers=producers, consumers=[Consumers(topic="t")])
    result = run(scenario.with_(thresholds={"content_late": ["count<1"]}))
    assert result.status == "invalid"
    late = result.counts["content_late"]
    assert late > 500
    assert result.functions["groups"][0]["late"] == late
    assert result.document["generator"]["rate_shortfall"] > 0.5
    assert any("Python could not keep up" in text and "group slow" in text for text in result.warnings)
    assert [verdict.ok for verdict in result.thresholds if verdict.metric == "content_late"] == [False]


# ---- what goes wrong in a function


def wrong_type(message: MessageContext) -> Any:
    return {"a": 1}


def raises(message: MessageContext) -> str:
    if message.seq == 3:
        raise LookupError("no such order")
    return ""


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (raises, "LookupError: no such order"),
        (wrong_type, "a payload should be bytes or text, the function returned dict; json.dumps() makes a text of it"),
        (lambda message: None, "a payload should be bytes or text, the function returned NoneType"),
        (lambda message: "\ud800", "surrogates not allowed"),
        (lambda message: bytes(256_000_001), "the payload has 256,000,001 bytes, and should have at most 256,000,000"),
        (
            PythonFunction(function=lambda messages: ["x"], batch=True),
            "should return a list of 20 items, and returned 1 items",
        ),
        (
            PythonFunction(function=lambda messages: "x", batch=True),
            "should return a list of 20 items, and returned str",
        ),
    ],
)
@pytest.mark.sim
def test_what_a_payload_function_does_wrong_ends_the_run_and_is_told(function: Any, text: str) -> None:
    producers = [Producers(name="orders", count=2, topic="t", payload=function, rate=10)]
    result = run(Scenario(name="x", duration="1s", producers=producers, consumers=[Consumers(topic="t")]), sim=True)
    assert (result.status, result.exit_code) == ("script_failed", 107)
    assert text in str(result.script_error)
    assert 'group orders, client 0 ("orders-0"), message ' in str(result.script_error)
    assert str(result.script_error).startswith(f"{__file__}:")
    assert result.document["script_error"]["client"] == "orders-0"


def test_the_line_that_raised_is_named_and_the_message(play: Play) -> None:
    result = play(count=1, payload=raises)
    assert result.exit_code == 107
    assert result.script_error is not None
    assert (
        Path(__file__)
        .read_text(encoding="utf-8")
        .splitlines()[result.script_error.line - 1]
        .lstrip()
        .startswith("raise")
    )
    assert 'client 0 ("orders-0"), message 3: LookupError' in str(result.script_error)


@pytest.mark.parametrize("topic", ["", "a/+/b", "a/#", "nul\0", 3, "x" * 70_000])
@pytest.mark.sim
def test_a_topic_function_may_say_nothing_but_topics(topic: Any) -> None:
    producers = [Producers(topic=lambda message: topic, payload={"kind": "size"})]
    result = run(Scenario(name="x", duration="1s", producers=producers), sim=True)
    assert result.exit_code == 107
    assert "topic" in str(result.script_error)
    assert "message 0" in str(result.script_error)


@pytest.mark.sim
def test_the_stamp_json_needs_an_object() -> None:
    producers = [Producers(topic="t", payload=lambda message: "[1]", stamp="json")]
    result = run(Scenario(name="x", duration="1s", producers=producers), sim=True)
    assert 'the stamp "json" needs a JSON object' in str(result.script_error)


def test_a_function_that_does_not_return_ends_the_run(is_virtual: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mqtt_sim.content.writer.WARNING_S", 0.3)
    monkeypatch.setattr("mqtt_sim.content.writer.LIMIT_S", 0.6)

    def stuck(message: MessageContext) -> str:
        while True:
            time.sleep(0.01)

    producers = [Producers(name="orders", topic="t", payload=stuck)]
    result = run(Scenario(name="x", duration="1s", producers=producers), sim=is_virtual)
    assert result.exit_code == 107
    assert "the payload function has not returned for" in str(result.script_error)
    assert any(text.startswith(f"{__file__}:") for text in result.warnings)


# ---- in JSON

ORDERS = """
def order(message):
    return f"{message.arguments['currency']} {message.seq}"


def place(messages):
    return [f"{message.arguments['root']}/{message.index}" for message in messages]


async def device(client, context):
    pass
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "orders.py").write_text(ORDERS, encoding="utf-8")
    return tmp_path


def document(**producer: Any) -> dict[str, Any]:
    return {**SAMPLE, "producers": [{"name": "orders", "topic": "t", **producer}]}


def write(directory: Path, content: dict[str, Any]) -> Path:
    path = directory / "x.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.sim
def test_functions_lie_beside_the_scenario(directory: Path) -> None:
    topic = {"kind": "python", "function": "orders.py:place", "batch": True, "arguments": {"root": "orders"}}
    payload = {"kind": "python", "function": "orders.py:order", "arguments": {"currency": "EUR"}}
    result = run(write(directory, document(topic=topic, payload=payload)), sim=True)
    assert result.passed, str(result)
    text = summary(result)
    assert "FUNCTIONS (in Python)" in text
    assert "orders: topic orders.py:place, payload orders.py:order; 2 calls for 1 messages, 0 late" in text
    assert "1 batches" in text
    assert "functions: orders: topic" in result._repr_html_()
    assert result.document["scenario"]["producers"][0]["payload"]["function"].endswith("orders.py:order")


@pytest.mark.parametrize(
    ("producer", "text"),
    [
        ({"payload": {"kind": "python", "function": "absent.py:order"}}, "there is no such file beside the scenario"),
        ({"payload": {"kind": "python", "function": "orders.py:ordr"}}, 'did you mean "order"?'),
        ({"payload": {"kind": "python", "function": "orders.py:device"}}, "should be a plain function without await"),
        ({"payload": {"kind": "python", "function": "orders"}}, "should name a Python file and a function in it"),
        ({"payload": {"kind": "python"}}, "payload.function: is missing"),
        ({"payload": {"kind": "pyhton"}}, 'did you mean "python"?'),
        ({"topic": {"function": "orders.py:order"}}, "should be text, or an object such as"),
        ({"topic": {"kind": "python", "function": "orders.py:order", "x": 1}}, 'there is no key "x" here'),
        ({"topic": 3}, "producers[0].topic = 3: should be text in quotes"),
        ({"topic": "a/#"}, "producers[0].topic"),
    ],
)
@pytest.mark.sim
def test_a_wrong_reference_is_told_with_its_place(directory: Path, producer: dict[str, Any], text: str) -> None:
    with pytest.raises(ScenarioError) as told:
        run(write(directory, document(**producer)), sim=True)
    assert text in str(told.value)
    assert "producers[0]." in str(told.value)
    assert "[0].topic.python" not in str(told.value)


@pytest.mark.parametrize("function", [lambda: "x", lambda first, second: "x"])
def test_a_function_takes_one_message(function: Any) -> None:
    with pytest.raises(ScenarioError, match="should take one argument"):
        Producers(topic="t", payload=function)


def test_no_local_and_a_topic_function_do_not_go_together() -> None:
    publish = mqtt_sim.Publish(topic=lambda message: "t", payload={"kind": "size"})
    device = mqtt_sim.Devices(publish=publish, subscribe=mqtt_sim.Subscribe(topic="#", no_local=True))
    with pytest.raises(ScenarioError, match="no_local: should be false where a function says the topics"):
        Scenario(name="x", client={"protocol_version": "5.0"}, devices=[device])
