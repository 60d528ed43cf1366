"""Pages of the embedded broker in Debian's Chromium, driven by Playwright. A part that is missing fails the test."""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from outside import program
from page_server import PageServer
from watching import Watched

REPOSITORY = Path(__file__).resolve().parents[2]
SCREENSHOTS = REPOSITORY / "build" / "screenshots"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture
def page_server(tmp_path: Path) -> Iterator[PageServer]:
    server = PageServer(tmp_path)
    yield server
    server.close()


@pytest.fixture(scope="package")  # while it lasts, its event loop keeps others from the thread
def chromium() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.fail("Playwright is not installed; `make test` does that, and so does `scripts/setup venv`")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Watched]]:
    """open_page(url, width=…, height=…, live=True, stats=…, **context options): a page of its own, connected if `live`.

    `stats` is what /stats.json says instead of the server, without its clock; a number is a status without a body.
    """
    contexts = []

    def open_(
        url: str,
        *,
        width: int = 1280,
        height: int = 800,
        live: bool = True,
        stats: dict[str, Any] | int | None = None,
        **options: Any,
    ) -> Watched:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        watched = Watched(context.new_page())
        if stats is not None:
            watched.page.route("**/stats.json", lambda route: answer(route, stats))
        watched.page.goto(url)
        if live:
            watched.page.wait_for_selector("[data-state=live]")
        return watched

    yield open_
    for context in contexts:
        context.close()


def answer(route: Any, stats: dict[str, Any] | int) -> None:
    if isinstance(stats, int):
        route.fulfill(status=stats)
    else:
        route.fulfill(json={**stats, "clock_ns": time.monotonic_ns()})


@pytest.fixture
def screenshot() -> Callable[[Any, str], None]:
    """Keeps a picture for people, among what a build leaves."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return lambda page, name: page.screenshot(path=SCREENSHOTS / f"{name}.png")


class Speaker:
    """Publishes what scenarios publish: dialogue as JSON, with the stamp as its last member."""

    def __init__(self, port: int) -> None:
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._sequence = 0

    def raw(self, topic: str, payload: str | bytes, **options: Any) -> None:
        self._client.publish(topic, payload, **options).wait_for_publish(10)

    def say(self, character: str, text: str, *, topic: str = "StarWars", late_by_ms: float = 0) -> None:
        """One line that was meant to leave so long ago."""
        self._client.publish(topic, self._dialogue(character, text, late_by_ms))

    def burst(self, count: int, seconds: float) -> float:
        """So many lines within so many seconds; how long it took."""
        begin = time.monotonic()
        for i in range(count):
            self.say("CHORUS", f"Line {i} of a great many, said all at once.")
            if i % 50 == 49:
                time.sleep(max(0.0, begin + seconds * (i + 1) / count - time.monotonic()))
        return time.monotonic() - begin

    def _dialogue(self, character: str, text: str, late_by_ms: float) -> bytes:
        intended = time.monotonic_ns() - int(late_by_ms * 1e6)
        stamp = b"mq\xc2S" + struct.pack(">IIIQQ", 1, 0, self._sequence, intended, time.monotonic_ns())
        self._sequence += 1
        body = json.dumps({"character": character, "text": text}, separators=(",", ":"), ensure_ascii=False)
        return f'{body[:-1]},"stamp":"{stamp.hex()}"}}'.encode()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def speaker(page_server: PageServer) -> Iterator[Speaker]:
    client = Speaker(page_server.port)
    yield client
    client.close()
