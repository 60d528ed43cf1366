"""--page and --hold: which listener serves the page, what the link says, and when broker and page end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fake_core import FakeCore
from mqtt_sim.errors import UsageError
from mqtt_sim.result import Result
from mqtt_sim.runner import prepare
from mqtt_sim.scenario import Scenario
from mqtt_sim.scenario.embedded_broker import EmbeddedBroker
from mqtt_sim.scenario.page import page_listener, page_url, topics_of, with_page

Cli = Callable[..., Any]
PORT = 40_000


def scenario(broker: dict[str, Any] | None = None, topic: str = "StarWars/{i}") -> Scenario:
    producers = [{"name": "cast", "count": 2, "topic": topic, "rate": 1, "payload": {"kind": "size", "size": "100B"}}]
    document: dict[str, Any] = {"name": "small", "duration": "1s", "producers": producers}
    return Scenario.model_validate(document if broker is None else {**document, "broker": broker})


def link_of(core: FakeCore, given: Scenario) -> str:
    links: list[str] = []
    prepare(given, page=True).execute(on_page=links.append)
    [link] = links
    return link


# ---- the listener and its link


@pytest.mark.req("W-13")
@pytest.mark.parametrize(
    ("broker", "link"),
    [
        (None, f"http://127.0.0.1:{PORT}/crawl"),
        ({"host": "::1"}, f"http://[::1]:{PORT}/crawl"),
        ({"host": "0.0.0.0", "allow_anonymous": True}, f"http://127.0.0.1:{PORT}/crawl"),
        ({"protocols": ["mqtt"]}, f"http://127.0.0.1:{PORT}/crawl"),
        ({"plain_beside_tls": False}, f"https://127.0.0.1:{PORT}/crawl"),
        ({"listeners": [{}, {"protocols": ["http", "websocket"]}]}, f"http://127.0.0.1:{PORT + 1}/crawl"),
        ({"listeners": [{}, {"protocols": ["http"]}]}, f"http://127.0.0.1:{PORT + 2}/crawl"),
        ({"listeners": [{"unix": "/tmp/a"}]}, f"http://127.0.0.1:{PORT + 1}/crawl"),
    ],
)
def test_link_leads_to_the_listener_with_the_page(core: FakeCore, broker: dict[str, Any] | None, link: str) -> None:
    assert link_of(core, scenario(broker)) == link


def test_a_listener_is_added_when_none_can_show_the_page(core: FakeCore) -> None:
    link_of(core, scenario({"host": "0.0.0.0", "allow_anonymous": True, "listeners": [{"protocols": ["http"]}]}))
    [_, added] = core.plans[-1]["broker"]["listeners"]
    assert (added["name"], added["host"], added["protocols"]) == ("page", "127.0.0.1", ["http", "websocket"])


@pytest.mark.parametrize(
    ("topics", "query"),
    [
        (["StarWars/{i}"], ""),
        (["StarWars"], ""),
        (["sensors/{i}/data"], "?topic=sensors/%23"),
        (["{i}/data"], "?topic=%23"),
        (["$share/x"], "?topic=%23"),
        (["a b&c/d"], "?topic=a%20b%26c/%23"),
    ],
)
def test_link_asks_for_what_the_clients_publish(core: FakeCore, topics: list[str], query: str) -> None:
    assert link_of(core, scenario(topic=topics[0])) == f"http://127.0.0.1:{PORT}/crawl{query}"


def test_several_topics_stand_beside_each_other() -> None:
    broker = EmbeddedBroker()
    assert page_url(broker, "127.0.0.1", 80, ["a/#", "b/#"]) == "http://127.0.0.1:80/crawl?topic=a/%23&topic=b/%23"
    assert topics_of(scenario(topic="x")) == ["x/#"]


# ---- the last messages


def history_of(given: Scenario) -> list[int | None]:
    broker = with_page(given).broker
    assert broker is not None
    return [way.http.history if way.http else None for _, way in broker.ways_in()]


@pytest.mark.req("W-11")
def test_a_page_that_comes_late_finds_the_last_messages() -> None:
    assert history_of(scenario()) == [50]
    assert history_of(scenario({"listeners": [{}, {"protocols": ["http", "websocket"]}]})) == [None, 50]


@pytest.mark.parametrize(
    "broker",
    [
        {"credentials": {"a": "b"}},
        {"users_file": "users"},
        {"acl_file": "acl"},
        {"allow_anonymous": False},
        {"host": "0.0.0.0", "allow_anonymous": True},
    ],
)
def test_no_message_is_kept_where_not_everybody_may_read(broker: dict[str, Any]) -> None:
    assert history_of(scenario(broker)) == [None]


def test_what_the_scenario_says_of_http_stays() -> None:
    assert history_of(scenario({"http": {"history": 7}})) == [7]


# ---- what cannot be


@pytest.mark.req("W-13")
def test_an_outside_broker_has_no_page_and_the_remedy_is_said(core: FakeCore, cli: Cli, small_file: Path) -> None:
    ended = cli(str(small_file), "--page", "--broker", "mqtt://localhost:1883")
    assert (ended.exit_code, core.calls) == (2, [])
    assert "--page is served by the embedded broker" in ended.err
    assert "http.other_brokers=true" in ended.err


@pytest.mark.parametrize("option", ["--page", "--hold"])
def test_virtual_time_has_no_page(core: FakeCore, cli: Cli, small_file: Path, option: str) -> None:
    ended = cli(str(small_file), "--sim", option)
    assert (ended.exit_code, core.calls) == (2, [])
    assert "virtual time" in ended.err


@pytest.mark.parametrize("broker", [{"unix": "/tmp/a"}, {"http": {"pages": False}}])
def test_a_broker_without_a_place_for_it_is_told(broker: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--page needs a port for HTTP"):
        with_page(scenario(broker))


def test_broker_without_pages_has_no_link() -> None:
    assert page_listener(EmbeddedBroker(protocols=["mqtt", "websocket"])) is None
    assert page_listener(EmbeddedBroker(protocols=["http"])) is None


# ---- the command


@pytest.mark.req("W-13")
def test_page_prints_the_link_first(core: FakeCore, cli: Cli, small_file: Path) -> None:
    ended = cli(str(small_file), "--page")
    assert ended.exit_code == 0
    assert ended.out.startswith(f"page http://127.0.0.1:{PORT}/crawl")
    assert core.calls == ["start", "result"]


def test_without_page_nothing_is_said_of_it(core: FakeCore, cli: Cli, small_file: Path) -> None:
    assert "page" not in cli(str(small_file)).out
    assert "http" not in core.plans[-1]["broker"]


@pytest.mark.req("W-13")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_hold_keeps_broker_and_page_until_a_signal(
    core: FakeCore, cli: Cli, small_file: Path, tmp_path: Path, number: signal.Signals
) -> None:
    report = tmp_path / "report.json"
    to_us = threading.get_ident()
    threading.Timer(0.4, signal.pthread_kill, (to_us, number)).start()
    ended = cli(str(small_file), "--hold", "--json", str(report))
    assert ended.exit_code == 0
    assert ended.out.endswith("all thresholds held\nthe broker and its page stay until Ctrl-C\n")
    assert report.is_file()
    assert core.calls == ["keep broker", "start", "result", "stop broker"]


def test_an_interrupted_run_is_not_held(core: FakeCore, cli: Cli, small_file: Path) -> None:
    core.interrupts_itself = 1
    ended = cli(str(small_file), "--hold")
    assert ended.exit_code == 105
    assert core.calls[-1] == "stop broker"
    assert "until Ctrl-C" not in ended.out


def test_broker_ends_also_when_whoever_holds_it_raises(core: FakeCore) -> None:
    def raises(result: Result) -> None:
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        prepare(scenario(), page=True).execute(hold=raises)
    assert core.calls[-1] == "stop broker"
