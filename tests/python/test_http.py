"""The embedded broker over HTTP: routes, types, tags, refusals, on the port that MQTT and WebSocket are on too."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

import mqtt_sim
from mqtt_sim.errors import ScenarioError

pytestmark = pytest.mark.net


class Answer:
    """A response with its body."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def type(self) -> str | None:
        return self.headers["Content-Type"]


def ask(broker: mqtt_sim.Broker, path: str, method: str = "GET", port: int | None = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port or broker.port, timeout=5)
    connection.putrequest(method, path)  # as it is: no dot is taken out
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    try:
        return Answer(connection.getresponse())
    finally:
        connection.close()


@pytest.fixture
def static(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "public"
    (folder / "sub").mkdir(parents=True)
    (folder / "index.html").write_text("<p>hello")
    (folder / "app.js").write_text("1")
    (folder / "sub" / "index.html").write_text("<p>below")
    (folder / "grüße.txt").write_text("hello")
    (folder / ".hidden").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.fixture
def broker(static: Path) -> Iterator[mqtt_sim.Broker]:
    with mqtt_sim.Broker(http={"static": str(static)}) as running:
        yield running


@pytest.mark.req("M-07")
@pytest.mark.parametrize(
    ("path", "type_", "body"),
    [
        ("/", "text/html; charset=utf-8", b"<p>hello"),
        ("/index.html?a=b", "text/html; charset=utf-8", b"<p>hello"),
        ("/app.js", "text/javascript; charset=utf-8", b"1"),
        ("/sub/", "text/html; charset=utf-8", b"<p>below"),
        ("/gr%C3%BC%C3%9Fe.txt", "text/plain; charset=utf-8", b"hello"),
    ],
)
def test_a_static_file_has_its_type_and_its_tag(broker: mqtt_sim.Broker, path: str, type_: str, body: bytes) -> None:
    answer = ask(broker, path)
    assert (answer.status, answer.type, answer.body) == (200, type_, body)
    assert re.fullmatch(r'"[^"]+"', answer.headers["ETag"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.req("M-07")
def test_a_file_that_is_known_is_not_sent_again_until_it_changes(broker: mqtt_sim.Broker, static: Path) -> None:
    tag = ask(broker, "/app.js").headers["ETag"]
    again = ask(broker, "/app.js", If_None_Match=tag)
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
    (static / "app.js").write_text("22")
    changed = ask(broker, "/app.js", If_None_Match=tag)
    assert (changed.status, changed.body) == (200, b"22")
    page_tag = ask(broker, "/crawl").headers["ETag"]
    assert ask(broker, "/crawl", If_None_Match=page_tag).status == 304


@pytest.mark.req("M-07")
@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/sub/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/sub/..%5c..%5csecret.txt",
        "//secret.txt",
        "/link.txt",
        "/.hidden",
        "/%2ehidden",
        "/app.js%00.txt",
        "/%zz",
        "/pipe",
        "/crawl/../../__init__.py",
        "/crawl/..%2fREADME.md",
        "/README.md",
        "/nothing",
        "/mqtt.js",
    ],
)
def test_no_path_leads_out_and_what_is_not_there_is_404(broker: mqtt_sim.Broker, path: str) -> None:
    answer = ask(broker, path)
    assert (answer.status, answer.body) == (404, b"not found\n")


def test_a_directory_is_found_with_its_slash(broker: mqtt_sim.Broker) -> None:
    answer = ask(broker, "/sub")
    assert (answer.status, answer.headers["Location"]) == (301, "/sub/")


@pytest.mark.parametrize("path", ["/crawl", "/app.js", "/stats.json", "/metrics", "/nothing"])
def test_head_says_the_same_without_the_body(broker: mqtt_sim.Broker, path: str) -> None:
    got, told = ask(broker, path), ask(broker, path, "HEAD")
    assert (told.status, told.type, told.body) == (got.status, got.type, b"")
    assert told.headers["ETag"] == got.headers["ETag"]
    if path != "/stats.json":
        assert int(told.headers["Content-Length"]) == len(got.body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(broker: mqtt_sim.Broker, method: str) -> None:
    answer = ask(broker, "/crawl", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.req("M-07")
def test_mqtt_js_is_there_when_it_is_bundled(static: Path) -> None:
    with mqtt_sim.Broker(http={"bundle": True}) as bundling, mqtt_sim.Broker() as plain:
        answer = ask(bundling, "/mqtt.js")
        assert (answer.status, answer.type) == (200, "text/javascript; charset=utf-8")
        assert b"mqtt-sim, MIT licence" in answer.body
        assert ask(plain, "/mqtt.js").status == 404
        assert ask(plain, "/crawl/mqtt.js").body == answer.body
    (static / "mqtt.js").write_text("theirs")
    with mqtt_sim.Broker(http={"bundle": True, "static": str(static)}) as both:
        assert ask(both, "/mqtt.js").body == b"theirs"
        assert ask(both, "/crawl/mqtt.js").body == answer.body


@pytest.mark.req("W-01", "D-25")
def test_the_crawl_is_whole_and_names_nothing_elsewhere() -> None:
    with mqtt_sim.Broker() as broker:
        page = ask(broker, "/crawl")
        assert (page.status, page.type) == (200, "text/html; charset=utf-8")
        policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
        place = f"127.0.0.1:{broker.port}"
        assert policy["default-src"] == "'self'"
        assert policy["connect-src"] == f"'self' ws://{place} wss://{place}"
        todo, seen = re.findall(r'(?:src|href)="([^"]+)"', page.body.decode()), set()
        while todo:
            path = todo.pop()
            assert path.startswith("/crawl/")
            seen.add(path)
            asset = ask(broker, path)
            assert asset.status == 200, path
            if path.endswith(".js"):
                named = re.findall(r'^import .* from "\./(\w+\.js)";', asset.body.decode(), re.MULTILINE)
                todo += [f"/crawl/{name}" for name in named if f"/crawl/{name}" not in seen]
    assert len(seen) > 15


def test_another_host_stands_in_the_policy_only_where_it_may() -> None:
    query = "/crawl?url=wss://elsewhere.example:8081/mqtt"
    with mqtt_sim.Broker() as closed, mqtt_sim.Broker(http={"other_brokers": True}) as open_:
        assert "elsewhere" not in ask(closed, query).headers["Content-Security-Policy"]
        assert " wss://elsewhere.example:8081;" in ask(open_, query).headers["Content-Security-Policy"]


def test_a_host_of_the_readers_making_cannot_write_into_the_policy(broker: mqtt_sim.Broker) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", broker.port, timeout=5)
    connection.putrequest("GET", "/crawl", skip_host=True)
    connection.putheader("Host", "a; script-src *")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'; connect-src 'self'; base-uri")
    connection.close()


def publish(port: int, topic: str, payload: bytes) -> None:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish(topic, payload, qos=1).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


@pytest.mark.req("W-08", "W-11")
def test_stats_tell_what_the_broker_counts_and_the_last_messages() -> None:
    with mqtt_sim.Broker(http={"history": 2}) as broker:
        for number in range(3):
            publish(broker.port, "StarWars/1", b"line %d" % number)
        publish(broker.port, "raw", b"\x00\xff")
        answer = ask(broker, "/stats.json")
        assert (answer.type, answer.headers["Cache-Control"]) == ("application/json", "no-store")
        stats = json.loads(answer.body)
        assert list(stats) == ["name", "clock_ns", "broker", "run", "history"]
        assert (stats["name"], stats["run"]) == (None, None)
        assert stats["broker"]["messages_in"] == 4
        assert set(stats["broker"]) == set(broker.stats())
        last, raw = stats["history"]
        assert (last["topic"], last["payload"]) == ("StarWars/1", "line 2")
        assert (raw["encoding"], base64.b64decode(raw["payload"])) == ("base64", b"\x00\xff")
        assert 0 <= raw["at"] - last["at"] < 10_000
        later = json.loads(ask(broker, "/stats.json").body)
        assert 0 < later["clock_ns"] - stats["clock_ns"] < 5e9


def test_without_being_asked_to_it_keeps_no_message(broker: mqtt_sim.Broker) -> None:
    publish(broker.port, "a", b"1")
    assert json.loads(ask(broker, "/stats.json").body)["history"] == []


SAMPLE = re.compile(r'(mqtt_sim_[a-z0-9_]+)(?:\{([a-z]+="(?:[^"\\]|\\["\\n])*",?)*\})? (NaN|[0-9.e+-]+)')


def test_metrics_are_what_prometheus_reads(broker: mqtt_sim.Broker) -> None:
    publish(broker.port, "a", b"1")
    answer = ask(broker, "/metrics")
    assert answer.type == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.body.decode().splitlines()
    types = {line.split()[2]: line.split()[3] for line in lines if line.startswith("# TYPE ")}
    samples = [SAMPLE.fullmatch(line) for line in lines if not line.startswith("#")]
    assert all(samples)
    values = {match[1]: match[3] for match in samples if match}
    assert values["mqtt_sim_broker_messages_in_total"] == "1"
    assert types["mqtt_sim_broker_messages_in_total"] == "counter"
    assert types["mqtt_sim_broker_clients"] == "gauge"
    assert set(values) <= set(types)


def test_small_routes(broker: mqtt_sim.Broker) -> None:
    assert (ask(broker, "/healthz").status, ask(broker, "/healthz").body) == (200, b"ok\n")
    assert ask(broker, "/favicon.ico").status == 204
    with mqtt_sim.Broker() as bare:
        root = ask(bare, "/")
        assert (root.status, root.headers["Location"]) == (302, "/crawl")


def test_pages_can_be_left_out(static: Path) -> None:
    with mqtt_sim.Broker(http={"pages": False, "static": str(static)}) as broker:
        assert broker.page is None
        for path in ("/crawl", "/crawl/app.js", "/stats.json", "/metrics", "/healthz"):
            assert ask(broker, path).status == 404, path
        assert ask(broker, "/app.js").status == 200


def test_headers_of_the_users_are_on_every_answer(static: Path) -> None:
    http_ = {"static": str(static), "headers": {"Access-Control-Allow-Origin": "*"}}
    with mqtt_sim.Broker(http=http_) as broker:
        for path in ("/app.js", "/crawl", "/stats.json", "/nothing"):
            assert ask(broker, path).headers["Access-Control-Allow-Origin"] == "*", path


def test_each_listener_has_answers_of_its_own(static: Path) -> None:
    listeners = [
        {"protocols": ["mqtt"]},
        {"protocols": ["http"], "http": {"static": [{"path": "/files", "directory": str(static)}], "bundle": True}},
        {"protocols": ["http", "websocket"], "tls": "auto", "http": {"pages": False}},
    ]
    with mqtt_sim.Broker(listeners=listeners) as broker:
        _, plain, secure = broker.ports
        assert ask(broker, "/files/app.js", port=plain).body == b"1"
        assert ask(broker, "/files", port=plain).headers["Location"] == "/files/"
        assert ask(broker, "/mqtt.js", port=plain).status == 200
        context = ssl.create_default_context(cadata=broker.ca_pem)
        connection = http.client.HTTPSConnection("localhost", secure, timeout=5, context=context)
        connection.request("GET", "/crawl")
        assert connection.getresponse().status == 404
        connection.close()


@pytest.mark.req("M-08")
def test_the_same_port_speaks_https_and_wss() -> None:
    with mqtt_sim.Broker() as broker:
        context = ssl.create_default_context(cadata=broker.ca_pem)
        connection = http.client.HTTPSConnection("localhost", broker.port, timeout=5, context=context)
        connection.request("GET", "/crawl")
        assert connection.getresponse().status == 200
        connection.close()
        with socket.create_connection(("127.0.0.1", broker.port), 5) as plain:
            assert upgrade(context.wrap_socket(plain, server_hostname="localhost"), "mqtt") == (101, "mqtt")


def upgrade(stream: socket.socket, *offered: str) -> tuple[int, str | None]:
    """Asks for a WebSocket: the status, and the sub-protocol that was chosen."""
    key = base64.b64encode(b"0123456789abcdef").decode()
    fields = ["GET /mqtt HTTP/1.1", "Host: here", "Upgrade: websocket", "Connection: Upgrade"]
    fields += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
    fields += [f"Sec-WebSocket-Protocol: {', '.join(offered)}"] if offered else []
    stream.sendall("\r\n".join([*fields, "\r\n"]).encode())
    response = HTTPResponse(stream)
    response.begin()
    if response.status == 101:
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        assert response.headers["Sec-WebSocket-Accept"] == base64.b64encode(digest).decode()
    chosen = response.headers["Sec-WebSocket-Protocol"]
    stream.close()
    return response.status, chosen


@pytest.mark.req("B-08", "M-07")
@pytest.mark.parametrize(
    ("offered", "answer"),
    [
        (["mqtt"], (101, "mqtt")),
        (["mqttv3.1"], (101, "mqttv3.1")),
        (["mqttv3.1.1"], (101, "mqttv3.1.1")),
        (["chat", "mqttv3.1", "mqtt"], (101, "mqttv3.1")),
        ([], (101, None)),
        (["chat"], (400, None)),
    ],
    ids=lambda value: "+".join(value) or "none" if isinstance(value, list) else "",
)
def test_a_websocket_on_the_same_port_says_its_subprotocol(
    broker: mqtt_sim.Broker, offered: list[str], answer: tuple[int, str | None]
) -> None:
    with socket.create_connection(("127.0.0.1", broker.port), 5) as stream:
        assert upgrade(stream, *offered) == answer


@pytest.mark.req("M-07", "M-08")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"http": {"static": "/"}}, r"http\.static\[0\]\.directory = \"/\": would show everybody the whole"),
        ({"http": {"static": "/no/such/place"}}, r"http\.static\[0\]\.directory.*a directory that is there"),
        ({"http": {"static": [{"directory": "/tmp", "path": "/.."}]}}, r"http\.static\[0\]\.path"),
        ({"http": {"static": [{"path": "/a"}]}}, r"http\.static\[0\]\.directory: is missing"),
        ({"http": {"bundel": True}}, r"http\.bundel.*there is no key .* \"bundle\""),
        ({"http": {"history": 201}}, r"http\.history = 201: should be at most 200"),
        ({"http": {"headers": {"Content-Length": "1"}}}, r"http\.headers\.Content-Length"),
        ({"http": {"headers": {"X": "a\r\nb"}}}, r"http\.headers\.X.*control characters"),
        ({"protocols": ["mqtt"], "http": {}}, r"http.*should be left out, since protocols does not name"),
        ({"listeners": [{"protocols": ["http"], "tls": {"key": "k.pem"}}]}, r"tls\.certificate: is missing"),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        mqtt_sim.Broker(**options)


@pytest.mark.req("M-08")
def test_the_whole_file_system_for_those_who_insist(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with mqtt_sim.Broker(http={"static": "/", "allow_root_static": True}) as broker:
        assert ask(broker, f"{tmp_path}/a.txt").body == b"a"


def test_directories_of_a_configuration_file_lie_beside_it(static: Path) -> None:
    from mqtt_sim.scenario.load import load_embedded_broker

    file = static.parent / "broker.json"
    file.write_text(json.dumps({"http": {"static": "public"}}))
    settings = load_embedded_broker(file, {}, {})
    assert settings.http is not None
    assert settings.http.static[0].directory == str(static)


def test_a_reader_who_asks_much_at_once_gets_all_of_it(broker: mqtt_sim.Broker) -> None:
    with socket.create_connection(("127.0.0.1", broker.port), 5) as stream:
        stream.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
        got = b""
        while got.count(b"ok\n") < 100:
            more = stream.recv(65_536)
            assert more
            got += more
