"""The broker behind nginx: WebSocket and pages through its HTTP side, MQTT with a PROXY header through its streams."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from outside import free_port, program, wait_for_listener

import mqtt_sim

ROOT = Path(__file__).resolve().parents[2]
MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")  # where Debian has it; others have it in the program
AROUND = """
{module}
daemon off;
pid pid;
error_log stderr;
events {{}}
"""
OF_HTTP = "http {\n  access_log off;\n" + "".join(
    f"  {name}_temp_path {name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)


def configuration(ports: dict[int, int]) -> str:
    """What the broker's page says, with other ports."""
    page = (ROOT / "docs/BROKER.md").read_text(encoding="utf-8")
    [text] = re.findall(r"^```nginx\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    text = re.sub(r"127\.0\.0\.1:(\d+)", lambda match: f"127.0.0.1:{ports[int(match[1])]}", text)
    module = f"load_module {MODULE};" if MODULE.exists() else ""
    return AROUND.format(module=module) + text.replace("http {\n", OF_HTTP, 1)


@contextlib.contextmanager
def nginx(folder: Path, broker: mqtt_sim.Broker) -> Iterator[tuple[int, int]]:
    """Its ports for HTTP and for streams, in front of the broker's two listeners."""
    ports = {8080: free_port(), 1884: free_port(), 1883: broker.ports[0], 1885: broker.ports[1]}
    (folder / "nginx.conf").write_text(configuration(ports))
    command = [program("nginx"), "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    with subprocess.Popen(command) as process:
        try:
            wait_for_listener(ports[8080], process)
            wait_for_listener(ports[1884], process)
            yield ports[8080], ports[1884]
        finally:
            process.terminate()


@pytest.mark.interop
@pytest.mark.req("M-28")
def test_nginx_in_front_delivers_websocket_pages_and_streams(tmp_path: Path) -> None:
    listeners = [
        {"protocols": ["mqtt", "websocket", "http"]},
        {"proxy_protocol": True, "trusted_proxies": ["127.0.0.1"]},
    ]
    with mqtt_sim.Broker(listeners=listeners) as broker, nginx(tmp_path, broker) as (web, stream):
        with urllib.request.urlopen(f"http://127.0.0.1:{web}/healthz", timeout=20) as answer:
            assert answer.read().strip() == b"ok"
        with mqtt_sim.connect(f"ws://127.0.0.1:{web}/mqtt", client_id="web") as client:
            inbox = client.messages(timeout=20)
            client.subscribe("t", qos=1)
            client.publish("t", "x" * 100_000, qos=1)
            assert len(next(inbox).payload) == 100_000
        with socket.create_connection(("127.0.0.1", stream), timeout=20) as raw:
            raw.sendall(b"\x10\x0d\0\4MQTT\4\2\0\0\0\1s")
            assert raw.recv(4) == b"\x20\2\0\0"
            host, port = raw.getsockname()
            assert broker.clients["s"].address == f"{host}:{port}", "the client's own address, not nginx's"
