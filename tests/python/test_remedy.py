"""What a run that could not reach its broker advises."""

from __future__ import annotations

from typing import Any

import pytest

from mqtt_sim.remedy import remedy_for
from mqtt_sim.result import Result


@pytest.mark.parametrize(
    ("kind", "text", "advice"),
    [
        ("tls", "TLS failed: certificate verify failed: unable to get local issuer certificate", "client.tls.ca=FILE"),
        ("tls", "certificate verify failed: self-signed certificate in certificate chain", "client.tls.ca=FILE"),
        ("tls", "certificate verify failed: IP address mismatch", "client.tls.server_name=NAME"),
        ("tls", "certificate verify failed: hostname mismatch", "client.tls.server_name=NAME"),
        ("tls", "certificate verify failed: certificate has expired", "renew it"),
        ("tls", "TLS failed: TLS handshake: the peer ended the stream", "try mqtt:// or ws://"),
        ("tls", "alert from peer: certificate required", "client.tls.certificate=FILE"),
        ("tls", "alert from peer: protocol version", "client.tls.min_version"),
        ("tls", "alert from peer: unknown CA", "client.tls.certificate"),
        ("tls", "TLS handshake: the peer does not speak TLS", "try mqtt:// or ws://"),
        ("connect_timeout", "stream open timeout", "connect.timeout"),
        ("upgrade", "WebSocket upgrade: the peer ended the stream", "try mqtt:// or mqtts://"),
        ("upgrade", "WebSocket upgrade refused: 404 Not Found", "client.websocket.path=/PATH"),
        ("refused", "closed by peer", "mqtts://"),
    ],
)
def test_the_advice_fits_the_failure(kind: str, text: str, advice: str) -> None:
    assert advice in remedy_for(kind, text)


def test_nothing_is_advised_where_nobody_knows() -> None:
    assert remedy_for("tls", "TLS failed: bad record mac") == ""
    assert remedy_for("unreachable", "certificate has expired") == ""


def failed(scenario: dict[str, Any], **failure: Any) -> str:
    groups = {"producers": [{"name": "cast", "client": {"transport": None}}], "consumers": [], "devices": []}
    return Result({"scenario": {**groups, **scenario}, "failure": {"reason_code": None, **failure}}).failure_text


def test_the_sentence_names_the_url_of_the_group_that_failed() -> None:
    target = {"url": "mqtt://a:1", "others": ["wss://b:2/mqtt"]}
    assert failed({"target": target}, kind="unreachable", text="refused", group="cast") == "mqtt://a:1: refused"
    moved = {"target": target, "transport": "wss"}
    assert failed(moved, kind="unreachable", text="refused", group="cast") == "wss://b:2/mqtt: refused"
    own = {"target": target, "producers": [{"name": "cast", "client": {"transport": "wss"}}]}
    assert failed(own, kind="unreachable", text="refused", group="cast") == "wss://b:2/mqtt: refused"
    assert failed({"target": target}, kind="broker_lost", text="lost", group=None) == "mqtt://a:1: lost"


def test_the_advice_ends_the_sentence() -> None:
    text = failed({"target": {"url": "mqtt://a:1"}}, kind="refused", text="closed by peer", group="cast")
    assert text == "mqtt://a:1: closed by peer; perhaps this port wants TLS (mqtts://) or a WebSocket (ws://)"
