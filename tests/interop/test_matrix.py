"""The interop matrix (see matrix.py), a test for each cell."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from four_listeners import SCHEMES, URL_SCHEMES, node_program
from matrix import (
    BROKERS,
    CLIENTS,
    LEVELS,
    QOS,
    SECURE,
    Cell,
    Matrix,
    cells,
    foreign_authority_checks,
    outcomes_of,
    reason_against,
    run_client,
)
from outside import program

import mqtt_sim

EPISODE4 = Path(__file__).resolve().parents[2] / "scenarios/episode4.json"
FULL = len(SCHEMES) * len(LEVELS) * len(QOS)


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with Matrix(tmp_path_factory.mktemp("matrix")) as running:
        yield running


def check(matrix: Matrix, cell: Cell) -> None:
    outcome = matrix.outcome(cell)
    assert outcome.passed, outcome.detail


@pytest.mark.req("D-07", "P-12")
@pytest.mark.parametrize("cell", cells(("MQTT.js",)), ids=str)
def test_mqtt_js_at_the_embedded_broker(matrix: Matrix, cell: Cell) -> None:
    check(matrix, cell)


@pytest.mark.req("P-12")
@pytest.mark.parametrize("cell", cells(tuple(name for name in CLIENTS if name != "MQTT.js")), ids=str)
def test_another_client_at_the_embedded_broker(matrix: Matrix, cell: Cell) -> None:
    check(matrix, cell)


@pytest.mark.req("C-02", "P-12")
@pytest.mark.parametrize("cell", cells(BROKERS), ids=str)
def test_our_clients_at_a_broker(matrix: Matrix, cell: Cell) -> None:
    check(matrix, cell)


@pytest.mark.req("M-06")
@pytest.mark.parametrize(("peer", "scheme"), foreign_authority_checks())
def test_a_client_refuses_the_embedded_broker_of_an_authority_it_does_not_know(
    matrix: Matrix, peer: str, scheme: str
) -> None:
    outcome = matrix.client_run(peer, scheme)["foreign authority"]
    assert outcome.passed, outcome.detail


@pytest.mark.req("C-03")
@pytest.mark.parametrize("scheme", SECURE)
@pytest.mark.parametrize("broker", ["Mosquitto", "aedes"])
def test_our_clients_refuse_a_broker_of_an_authority_they_do_not_know(matrix: Matrix, broker: str, scheme: str) -> None:
    result = matrix.run_scenario(broker, scheme, [4], ca=matrix.certificates.foreign_ca)
    failure = result.document["failure"]
    assert (result.document["exit_code"], failure["kind"]) == (106, "tls")
    assert "certificate verify failed" in failure["text"]
    assert result.counts["connected"] == result.counts["written"] == 0


def test_every_field_is_a_cell_or_has_a_reason() -> None:
    without = [field for field in product(CLIENTS + BROKERS, SCHEMES, LEVELS) if reason_against(*field)]
    assert len(cells(CLIENTS + BROKERS)) == FULL * len(CLIENTS + BROKERS) - len(without) * len(QOS)
    assert {peer for peer, _, _ in without} == {"mosquitto_pub and _sub", "Boost.MQTT5", "aedes"}


def test_aedes_still_refuses_5_0(matrix: Matrix) -> None:
    failure = matrix.run_scenario("aedes", "tcp", [5]).document["failure"]
    assert (failure["kind"], failure["reason_code"]) == ("refused", 0x84)


def test_mosquitto_programs_still_know_no_websocket() -> None:
    command = [program("mosquitto_pub"), "-L", "ws://127.0.0.1:1/x", "-m", ""]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    assert done.returncode != 0
    assert "unsupported URL scheme" in done.stderr


@pytest.mark.req("M-04")
def test_mqtt_js_connects_to_each_of_four_listeners_of_one_kind(matrix: Matrix, tmp_path: Path) -> None:
    secure: dict[str, Any] = {
        "tls": {"certificate": str(matrix.certificates.certificate), "key": str(matrix.certificates.key)}
    }
    web: dict[str, Any] = {"protocols": ["websocket"]}
    listeners = [{"port": 0}, {"port": 0, **secure}, {"port": 0, **web}, {"port": 0, **web, **secure}]
    with mqtt_sim.Broker(listeners=listeners) as broker:
        urls = [broker.url_for(URL_SCHEMES[scheme]) for scheme in SCHEMES]
        assert len({url.split(":")[2] for url in urls}) == 4
        for url in urls:
            outcomes = run_client("MQTT.js", url, matrix.certificates.ca, matrix)
            failed = {key: outcome.detail for key, outcome in outcomes.items() if not outcome.passed}
            assert not failed, f"{url}: {failed}"


@pytest.mark.req("C-17", "M-27")
def test_a_retained_message_left_over_tls_waits_for_one_who_comes_by_secure_websocket(
    matrix: Matrix, tmp_path: Path
) -> None:
    broker = matrix.embedded
    (ca := tmp_path / "ca.pem").write_text(broker.ca_pem)
    urls = [broker.url_for(scheme) for scheme in ("mqtts", "wss")]
    command = [program("node"), str(node_program("welcome.mjs")), *urls, str(ca)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert json.loads(done.stdout or "null") == {
        "topic": "welcome",
        "payload": "hello, whoever comes",
        "qos": 1,
        "retain": True,
    }, done.stderr


@pytest.mark.req("P-05")
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_same_scenario_runs_over_every_transport(scheme: str) -> None:
    changes = {
        "transport": scheme,
        "duration": "1s",
        "producers.cast.count": 100,
        "consumers.audience.count": 100,
        "generator.lateness_limit": "5s",
        "generator.rate_shortfall_limit": 1,
        "thresholds": {"lost": ["count==0"]},
    }
    result = mqtt_sim.run(EPISODE4, set=changes)
    assert result.passed, result
    assert result.counts["delivered"] == result.counts["expected"] == 4 * 100
    assert (result.counts["lost"], result.counts["duplicated"], result.counts["reordered"]) == (0, 0, 0)


def test_a_scenario_that_loses_fails_its_cells() -> None:
    group = {"written": 40, "acknowledged": 40, "received": 40, "expected": 40, "lost": 0, "duplicated": 0}
    few = dict.fromkeys(group, 0) | {"written": 2, "acknowledged": 2, "received": 2, "expected": 2}
    full = {
        name: {**counts, "reordered": 0}
        for kind, counts in (("small", group), ("large", few))
        for name in (f"{kind}-4-1", f"hears-{kind}-4-1")
    }

    class Told:
        def __init__(self, counts: dict[str, dict[str, int]]) -> None:
            self.document = {"groups": [{"name": name, "counts": c} for name, c in counts.items()], "errors": []}

    assert outcomes_of(Told(full))[4, 1].passed
    short = {**full, "hears-large-4-1": {**full["hears-large-4-1"], "received": 1, "lost": 1}}
    assert outcomes_of(Told(short))[4, 1].detail == "large received 1, large lost 1"
