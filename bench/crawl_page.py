#!/usr/bin/env python3
"""The crawl page under a burst: 5,000 messages in one second, as the browser shows them.

    .venv/bin/python bench/crawl_page.py

Needs Debian's Chromium and Playwright, which `make test` installs. Five bursts, each into a page of its own: most line
nodes at a time, frames a second, longest frame. Software rendering on a busy machine drops frames for its own reasons;
the machine's load stands beside the figures.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

import mqtt_sim

BURSTS = 5
BURST = {
    "name": "burst",
    "duration": "1s",
    "producers": [
        {"name": "chorus", "count": 50, "topic": "StarWars/{i}", "rate": 100, "payload": {"kind": "dialogue"}}
    ],
}
WATCH = """() => {
  window.frames_ = [];
  window.nodes_ = 0;
  const look = (at) => {
    frames_.push(at);
    nodes_ = Math.max(nodes_, document.querySelectorAll('#crawl li').length);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def measure(browser: Browser) -> tuple[int, float, float]:
    """Nodes, frames a second, longest frame in ms; from the first message to half a second after the last."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    with mqtt_sim.Broker() as broker:
        page.goto(f"{broker.page}?quiet")
        page.wait_for_selector("[data-state=live]")
        page.evaluate(WATCH)
        mqtt_sim.run(BURST, broker=broker.url)
        page.wait_for_timeout(500)
        frames, nodes = page.evaluate("frames_"), page.evaluate("nodes_")
        page.close()
    gaps = [after - before for before, after in itertools.pairwise(frames)]
    return nodes, 1000 * len(gaps) / (frames[-1] - frames[0]), max(gaps)


def main() -> int:
    web = Path(mqtt_sim.__file__).parent / "web"
    own = sum(file.stat().st_size for file in [*web.glob("crawl/*.js"), *web.glob("crawl/*.css")])
    library = (web / "mqtt.js").stat().st_size
    print(
        f"script and style of the page {own / 1024:.1f} KiB (at most 60), mqtt.js {library / 1024:.1f} KiB (below 30)"
    )
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is not installed: scripts/setup packages test", file=sys.stderr)
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"] if os.getuid() == 0 else []
        )
        rows = [measure(browser) for _ in range(BURSTS)]
        browser.close()
    for nodes, rate, longest in rows:
        print(f"{nodes} line nodes (at most 60), {rate:.1f} frames/s (at least 30), longest frame {longest:.0f} ms")
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"load average {load} on {os.cpu_count()} processors")
    return 0 if all(nodes <= 60 for nodes, _, _ in rows) and max(rate for _, rate, _ in rows) >= 30 else 1


if __name__ == "__main__":
    sys.exit(main())
