"""/mqtt.js in a browser: the page of the old tutorial, as it stands there, must work."""

from __future__ import annotations

import importlib.util
import ssl
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_server import WEB, PageServer
from watching import wait_for, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]

# A page in the words of MQTT.js's users of long ago: no address, everything asked before the connection is there.
OLD_PAGE = """<html>
<head><title>old page</title></head>
<body>
<script src="./mqtt.js"></script>
<script>
  var client = mqtt.connect();
  client.subscribe("mqtt/demo");
  client.on("message", function(topic, payload) {
    alert([topic, payload].join(": "));
    client.end();
  });
  client.publish("mqtt/demo", "hello world!");
</script>
</body>
</html>
"""


def first_bytes(frames: list[bytes]) -> list[int]:
    return [frame[0] & 0xF0 for frame in frames]


def show_old_page(origin: str, open_page: Callable[..., Any]) -> tuple[Any, list[str]]:
    """Opens it with its dialog answered, and waits for its goodbye; the page, and what the dialogs said."""
    watched = open_page("about:blank", live=False, ignore_https_errors=True)
    dialogs: list[str] = []

    def answer(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.accept()

    watched.page.on("dialog", answer)
    watched.page.goto(f"{origin}/old.html")
    wait_until(lambda: bool(dialogs), watched.page)
    wait_until(lambda: 0xE0 in first_bytes(watched.sent), watched.page)
    return watched, dialogs


def assert_goodbye(server: PageServer, watched: Any) -> None:
    """The broker has seen an orderly end: nobody is there, and no stream ended by somebody's fault."""
    wait_until(lambda: server.broker.stats()["clients"] == 0, watched.page)
    stats = server.broker.stats()
    assert (stats["clients_total"], stats["errors"]) == (1, {})


@pytest.mark.req("B-01", "B-02", "B-03", "B-04", "B-05")
@pytest.mark.parametrize("address", ["", "ws"], ids=["no address", "a ws address"])
def test_the_old_page_says_hello(page_server: PageServer, open_page: Callable[..., Any], address: str) -> None:
    url = f'"ws://127.0.0.1:{page_server.port}"' if address else ""
    (page_server.static / "old.html").write_text(OLD_PAGE.replace("connect()", f"connect({url})"))
    watched, dialogs = show_old_page(page_server.origin, open_page)
    assert dialogs == ["mqtt/demo: hello world!"]
    assert watched.errors == []
    # CONNECT, then in the order asked SUBSCRIBE and PUBLISH, then a goodbye
    assert first_bytes(watched.sent) == [0x10, 0x80, 0x30, 0xE0]
    assert_goodbye(page_server, watched)


@pytest.mark.req("B-06", "M-08")
def test_the_old_page_says_hello_over_tls(page_server: PageServer, open_page: Callable[..., Any]) -> None:
    trusting = ssl.create_default_context(cadata=page_server.broker.ca_pem)  # the browser asks nobody, this does
    (page_server.static / "old.html").write_text(OLD_PAGE)
    with urllib.request.urlopen(f"{page_server.secure_origin}/old.html", context=trusting) as answer:
        assert answer.read().decode() == OLD_PAGE
    watched, dialogs = show_old_page(page_server.secure_origin, open_page)
    assert dialogs == ["mqtt/demo: hello world!"]
    assert [url for url in watched.requests if url.startswith("ws")] == [f"wss://localhost:{page_server.port}/"]
    assert watched.errors == []
    assert_goodbye(page_server, watched)


def test_a_module_may_load_it_too(page_server: PageServer, open_page: Callable[..., Any]) -> None:
    (page_server.static / "module.html").write_text('<script type="module" src="module.js"></script>')
    (page_server.static / "module.js").write_text(
        'import "/mqtt.js";\nconst { connect } = globalThis.mqtt;\n'
        'connect({ protocolVersion: 5 }).on("connect", () => (document.title = "connected"));\n'
    )
    watched = open_page(f"{page_server.origin}/module.html", live=False)
    wait_for(watched.page, "document.title === 'connected'")
    assert watched.errors == []


@pytest.mark.req("M-07", "B-07")
def test_a_file_of_the_users_goes_first(page_server: PageServer, open_page: Callable[..., Any]) -> None:
    (page_server.static / "mqtt.js").write_text('globalThis.mqtt = "theirs";')
    (page_server.static / "theirs.html").write_text('<script src="mqtt.js"></script>')
    watched = open_page(f"{page_server.origin}/theirs.html", live=False)
    assert watched.page.evaluate("mqtt") == "theirs"
    open_page(f"{page_server.origin}/crawl?quiet")  # which has its own


@pytest.mark.req("B-07")
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_the_real_mqtt_js_may_be_dropped_in(
    page_server: PageServer, open_page: Callable[..., Any], scheme: str
) -> None:
    theirs = REPOSITORY / "build" / "node" / "node_modules" / "mqtt" / "dist" / "mqtt.min.js"
    assert theirs.is_file(), "MQTT.js is not installed; `make test` does that, and so does `scripts/setup node`"
    (page_server.static / "mqtt.js").write_bytes(theirs.read_bytes())
    origin = page_server.origin if scheme == "ws" else page_server.secure_origin
    address = f'connect("{origin}/")'.replace("http", "ws")  # version 5 wants to be told the port
    (page_server.static / "old.html").write_text(OLD_PAGE.replace("connect()", address))
    watched, dialogs = show_old_page(origin, open_page)
    assert dialogs == ["mqtt/demo: hello world!"]
    assert_goodbye(page_server, watched)


def test_the_one_file_is_what_its_modules_make() -> None:
    spec = importlib.util.spec_from_file_location("bundle_web", REPOSITORY / "python" / "bundle_web.py")
    assert spec
    assert spec.loader
    bundle_web = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bundle_web)
    assert bundle_web.main(["--check"]) == 0


@pytest.mark.req("B-01", "M-30")
def test_the_one_file_is_small_and_says_whose_it_is() -> None:
    text = (WEB / "mqtt.js").read_text(encoding="utf-8")
    assert len(text.encode()) < 30 * 1024
    assert "mqtt-sim, MIT licence" in text.splitlines()[0]


def test_modules_that_cannot_share_a_scope_are_refused(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("bundle_web", REPOSITORY / "python" / "bundle_web.py")
    assert spec
    assert spec.loader
    bundle_web = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bundle_web)
    (tmp_path / "index.js").write_text('export { a } from "./a.js";\n')
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nexport const a = b;\n')
    (tmp_path / "b.js").write_text("const a = 1;\nexport const b = a;\n")
    with pytest.raises(bundle_web.BundleError, match=r"a is a top-level name of b\.js and of a\.js"):
        bundle_web.bundle(tmp_path / "index.js")
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\nexport const b = a;\n')
    with pytest.raises(bundle_web.BundleError, match="imports itself"):
        bundle_web.bundle(tmp_path / "index.js")
