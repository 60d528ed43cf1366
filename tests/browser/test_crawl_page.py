"""The crawl page in a browser, as its readers meet it."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from page_server import WEB, PageServer
from watching import wait_for

import mqtt_sim

OpenPage = Callable[..., Any]
LINE = "#crawl li"
# No names of the film, nothing of its first words, its cast or its maker in what we hand out. The topic of the
# tutorial is a topic.
FILM = re.compile(r"galaxy|far,? far|long time ago|lucas|the force|rebel|episode iv", re.IGNORECASE)


def box(page: Any, index: int) -> dict[str, float]:
    """Where a line is on the screen; -1 is the newest."""
    script = "i => { const r = [...document.querySelectorAll('#crawl li')].at(i).getBoundingClientRect();"
    return page.evaluate(script + " return { y: r.y, bottom: r.bottom, width: r.width } }", index)  # type: ignore[no-any-return]


@pytest.mark.req("W-01", "D-25")
def test_nothing_is_asked_of_anybody_else(page_server: PageServer, open_page: OpenPage, speaker: Any) -> None:
    watched = open_page(f"{page_server.origin}/crawl")
    speaker.say("ANNA", "Is anybody there?")
    watched.page.wait_for_timeout(1500)
    places = {urlsplit(url).netloc for url in watched.requests}
    assert places == {urlsplit(page_server.origin).netloc}
    assert watched.errors == []


@pytest.mark.req("W-01")
def test_page_holds_no_inline_script_or_style() -> None:
    html = (WEB / "crawl" / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    assert re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", html) == []
    assert set(re.findall(r'(?:src|href)="([^"]+)"', html)) == {
        "/crawl/icon.svg",
        "/crawl/crawl.css",
        "/crawl/panels.css",
        "/crawl/mqtt.js",
        "/crawl/app.js",
    }


def test_script_and_style_of_the_page_are_small() -> None:
    files = [*WEB.glob("crawl/*.js"), *WEB.glob("crawl/*.css")]
    assert sum(file.stat().st_size for file in files) <= 60 * 1024


@pytest.mark.req("W-02")
def test_broker_goes_and_comes_and_the_page_stays(
    page_server: PageServer, open_page: OpenPage, speaker: Any, screenshot: Callable[[Any, str], None]
) -> None:
    page = open_page(f"{page_server.origin}/crawl?quiet").page
    page.evaluate("document.body.dataset.mark = 'same page'")
    page_server.stop_broker()
    page.wait_for_selector("[data-state=offline]")
    assert page.inner_text("#state") == "offline"
    assert "away" in page.inner_text("#notice")
    wait_for(page, "document.querySelector('[data-figure=clients]').textContent === '—'")
    screenshot(page, "offline")
    page_server.start_broker()
    page.wait_for_selector("[data-state=live]", timeout=15_000)
    assert page.evaluate("document.body.dataset.mark") == "same page"
    assert page.is_hidden("#notice")
    wait_for(page, "document.querySelector('[data-figure=reconnects]').textContent === '1'")
    end = time.monotonic() + 10
    while page.locator(LINE).count() == 0 and time.monotonic() < end:  # the speaker too has to come back
        speaker.say("ANNA", "Where were we?")
        page.wait_for_timeout(300)
    assert page.locator(LINE).count() > 0


SKY = "document.querySelector('#sky svg').style.transform"


@pytest.mark.req("W-03", "D-13")
def test_lines_recede_on_a_tilted_belt(
    page_server: PageServer, open_page: OpenPage, speaker: Any, screenshot: Callable[[Any, str], None]
) -> None:
    page = open_page(f"{page_server.origin}/crawl?quiet").page
    speaker.say("ANNA", "Is anybody there?")
    page.wait_for_selector(LINE)
    page.wait_for_timeout(1000)
    before = box(page, 0)
    page.wait_for_timeout(1000)
    after = box(page, 0)
    assert after["y"] < before["y"] - 5
    assert after["width"] < before["width"] - 1
    assert page.evaluate("getComputedStyle(document.querySelector('#crawl')).transform").startswith("matrix3d(")
    assert "gradient" in page.evaluate("getComputedStyle(document.querySelector('#stage'), '::after').backgroundImage")
    speaker_box, text_box = page.locator(f"{LINE} .speaker").bounding_box(), page.locator(f"{LINE} p").bounding_box()
    assert speaker_box["y"] < text_box["y"]
    assert "small-caps" in page.evaluate("getComputedStyle(document.querySelector('.speaker')).fontVariantCaps")
    sky = page.evaluate(SKY)
    page.wait_for_timeout(2000)
    assert page.evaluate(SKY) != sky
    screenshot(page, "crawl-line")


FRAMES = """() => {
  const frames = window.frames_ = [];
  window.nodes_ ??= 0;
  const look = (at) => {
    frames.push(at);
    nodes_ = Math.max(nodes_, document.querySelectorAll('#crawl li').length);
    if (frames === window.frames_) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


@pytest.mark.req("W-04")
def test_a_burst_is_counted_not_choked_on(
    page_server: PageServer, open_page: OpenPage, speaker: Any, screenshot: Callable[[Any, str], None]
) -> None:
    page = open_page(f"{page_server.origin}/crawl?quiet").page
    for i in range(8):
        speaker.say("ANNA", f"Calm line {i}.")
    page.wait_for_timeout(1500)
    page.evaluate(FRAMES)
    speaker.burst(5000, 1.0)
    page.wait_for_timeout(500)
    frames = page.evaluate(
        "frames_"
    )  # how many a second is measured by bench/crawl_page.py; here: that it did not stop
    assert max(after - before for before, after in itertools.pairwise(frames)) < 2000
    page.wait_for_selector(f"{LINE}.skipped", timeout=20_000)
    counted = int(re.sub(r"\D", "", page.locator(f"{LINE}.skipped").last.inner_text()))
    assert counted > 4000
    newest, above = box(page, -1), box(page, -2)
    assert above["bottom"] <= newest["y"]
    assert page.evaluate("nodes_") <= 60
    screenshot(page, "crawl-burst")


@pytest.mark.req("W-05")
def test_text_is_text(page_server: PageServer, open_page: OpenPage, speaker: Any) -> None:
    watched = open_page(f"{page_server.origin}/crawl?quiet&speed=4")
    page = watched.page
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    attack = '<img src="/nowhere.png" onerror="alert(1)"><script>alert(2)</script>'
    speaker.say(attack, attack)
    speaker.raw("StarWars/<b>x</b>", attack)
    page.keyboard.press("c")
    wait_for(page, "document.querySelectorAll('#console tbody tr').length === 2")
    wait_for(page, "document.querySelectorAll('#crawl li').length === 2")
    assert page.locator(f"{LINE} p").first.inner_text() == attack
    assert page.locator(f"{LINE} .speaker").first.text_content() == attack
    assert page.locator("#console td.text").first.inner_text() == attack
    assert page.evaluate("document.querySelectorAll('main img, main script, main b').length") == 0
    assert dialogs == []
    assert not [url for url in watched.requests if "nowhere" in url]


@pytest.mark.req("W-06")
def test_any_payload_is_shown(page_server: PageServer, open_page: OpenPage, speaker: Any) -> None:
    page = open_page(f"{page_server.origin}/crawl?quiet&speed=4").page
    speaker.say("ANNA", "Grüße, 世界")
    speaker.raw("StarWars/sensor", json.dumps({"type": "t", "value": 0.5}))
    speaker.raw("StarWars/note", "just text")
    speaker.raw("StarWars/raw", bytes([0, 1, 254, 255]))
    wait_for(page, "document.querySelectorAll('#crawl li').length === 4", 20)
    shown = [tuple(line.text_content() for line in line.locator("*").all()) for line in page.locator(LINE).all()]
    assert shown == [
        ("ANNA", "Grüße, 世界"),
        ("StarWars/sensor", "type: t · value: 0.5"),
        ("StarWars/note", "just text"),
        ("StarWars/raw", "00 01 fe ff (4 bytes)"),
    ]


@pytest.mark.req("W-07", "D-12")
def test_console(page_server: PageServer, open_page: OpenPage, speaker: Any) -> None:
    page = open_page(f"{page_server.origin}/crawl?quiet", permissions=["clipboard-read", "clipboard-write"]).page
    rows = page.locator("#console tbody tr")
    speaker.say("ANNA", "Is anybody there?", topic="StarWars/1")
    speaker.say("BERT", "Only me.", topic="StarWars/2")
    page.wait_for_selector(LINE)
    assert page.is_hidden("#console")
    page.keyboard.press("c")
    wait_for(page, "document.querySelectorAll('#console tbody tr').length === 2")
    cells = rows.nth(1).locator("td").all_inner_texts()
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", cells[0])
    assert cells[1:4] == ["StarWars/2", "BERT", "Only me."]
    assert re.fullmatch(r"[\d.]+ (µs|ms|s)", cells[4])

    page.fill("#console input", "anna")
    assert rows.count() == 1
    page.fill("#console input", "")
    assert rows.count() == 2

    page.click("#console [data-do=copy]")
    wait_for(page, "document.querySelector('#console [data-do=copy]').textContent === 'Copied'")
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert copied[0] == "time\ttopic\tspeaker\ttext\tlatency"
    assert copied[2].split("\t")[1:4] == ["StarWars/2", "BERT", "Only me."]

    page.click("#console [data-do=pause]")
    speaker.say("ANNA", "Not heard.")
    page.wait_for_timeout(700)
    assert rows.count() == 2
    page.click("#console [data-do=pause]")
    speaker.burst(1500, 0.3)
    wait_for(page, "document.querySelector('#console tbody tr:last-child .text').textContent.startsWith('Line 1499 ')")
    assert rows.count() == 1000
    page.keyboard.press("Escape")
    assert page.is_hidden("#console")


@pytest.mark.req("W-08", "D-26")
def test_figures(page_server: PageServer, open_page: OpenPage, speaker: Any) -> None:
    latency = {"p50": 69_800, "p99": 1_310_000, "max": 63_600_000}
    broker = {"clients": 2003, "messages_in": 1000, "messages_out": 4000, "dropped_slow": 2, "dropped_absent": 1}
    stats = {"name": "episode4", "broker": broker, "run": {"phase": "done", "latency_ns": latency}, "history": []}
    page = open_page(f"{page_server.origin}/crawl?quiet", stats=stats).page

    def figure(name: str) -> str:
        return str(page.locator(f".group [data-figure={name}]").first.inner_text())

    for _ in range(40):
        speaker.say("ANNA", "Late.", late_by_ms=200)
        broker["messages_in"] += 10
        broker["messages_out"] += 40
        page.wait_for_timeout(50)
    page.wait_for_timeout(1100)
    # The server's own figures as its report says them.
    assert [figure(f"run-{part}") for part in ("p50", "p99", "max")] == ["70 µs", "1.31 ms", "63.6 ms"]
    assert (figure("clients"), figure("dropped"), figure("reconnects")) == ("2,003", "3", "0")
    # The page's own, over the compared clocks: 200 ms were put in.
    assert "compared" in figure("note")
    value, unit = figure("recent-p50").split()
    assert unit == "ms"
    assert 200 <= float(value) <= 260
    assert figure("whole-max") != "—"
    assert page.get_attribute("polyline", "points").count(",") == 59
    assert page.inner_text("h1").startswith("episode4")


@pytest.mark.req("W-08")
def test_figures_from_sys_topics_where_the_server_has_none(
    page_server: PageServer, open_page: OpenPage, speaker: Any
) -> None:
    page = open_page(f"{page_server.origin}/crawl?quiet", stats=404).page
    for _ in range(60):
        speaker.say("ANNA", "Hm.")
        page.wait_for_timeout(50)
    wait_for(page, "/^[0-9]/.test(document.querySelector('.group [data-figure=clients]').textContent)")
    wait_for(page, "/^[0-9]/.test(document.querySelector('.group [data-figure=in-rate]').textContent)")
    assert "fastest" in page.locator("[data-figure=note]").inner_text()


@pytest.mark.req("W-09")
def test_opening_lines_are_ours(
    page_server: PageServer, open_page: OpenPage, speaker: Any, screenshot: Callable[[Any, str], None]
) -> None:
    page = open_page(f"{page_server.origin}/crawl", stats={"name": "A quiet evening"}).page
    speaker.say("ANNA", "Already?")
    page.wait_for_timeout(1200)
    screenshot(page, "opening-line")
    assert page.locator(LINE).count() == 0
    page.wait_for_timeout(3000)
    assert page.inner_text("#prelude-title") == "A quiet evening"
    screenshot(page, "opening-title")
    page.wait_for_selector(LINE, timeout=10_000)
    assert page.locator("#prelude").count() == 0
    for file in [*WEB.glob("crawl/*"), WEB / "mqtt.js"]:
        assert FILM.findall(file.read_text(encoding="utf-8")) == [], file.name
    assert [
        file.suffix
        for file in WEB.glob("**/*")
        if file.suffix in (".png", ".jpg", ".mp3", ".ogg", ".woff", ".woff2", ".ttf")
    ] == []


@pytest.mark.req("W-09")
def test_opening_lines_end_at_any_key(page_server: PageServer, open_page: OpenPage, speaker: Any) -> None:
    page = open_page(f"{page_server.origin}/crawl").page
    speaker.say("ANNA", "Already?")
    page.keyboard.press("Shift")
    page.wait_for_selector(LINE, timeout=3000)


CONTRAST = """() => {
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const parse = (css) => css.match(/[\\d.]+/g).map(Number);
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * (top[3] ?? 1) + below[i] * (1 - (top[3] ?? 1)));
  const own = (node) => parse(getComputedStyle(node).backgroundColor);
  const ground = (node) => node ? over(own(node), ground(node.parentElement)) : [0, 0, 0];
  const found = [];
  for (const node of document.querySelectorAll('body *')) {
    const hasText = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!hasText || !node.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), node.id || node.className || node.tagName]);
  }
  return found;
}"""


@pytest.mark.req("W-10")
@pytest.mark.parametrize(("width", "height"), [(390, 844), (820, 1180), (1440, 900)])
def test_fits_the_window_and_can_be_read(
    page_server: PageServer,
    open_page: OpenPage,
    speaker: Any,
    screenshot: Callable[[Any, str], None],
    width: int,
    height: int,
) -> None:
    page = open_page(f"{page_server.origin}/crawl?quiet&speed=4", width=width, height=height).page
    for i in range(12):
        speaker.say(
            "ANNA MARIA", f"This is line {i}, and it is long enough to be broken on a phone.", topic=f"StarWars/{i}"
        )
    wait_for(page, "document.querySelectorAll('#crawl li').length === 12", 20)
    page.wait_for_timeout(200)
    screenshot(page, f"crawl-{width}")
    page.keyboard.press("c")
    if page.locator("#figures").get_attribute("data-size") == "brief":
        page.keyboard.press("p")
    page.wait_for_timeout(400)
    screenshot(page, f"console-{width}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for part in ("header", "main", "#figures", "#console .scroll"):
        area = page.locator(part).bounding_box()
        assert area["x"] >= 0
        assert area["x"] + area["width"] <= width + 0.5
        assert area["y"] + area["height"] <= height + 0.5
    contrasts = page.evaluate(CONTRAST)
    assert len(contrasts) > 40
    assert [found for found in contrasts if found[0] < 7] == []


@pytest.mark.req("W-10")
def test_lines_keep_apart_when_the_width_changes(page_server: PageServer, open_page: OpenPage, speaker: Any) -> None:
    page = open_page(f"{page_server.origin}/crawl?quiet&speed=4", width=1440, height=900).page
    for i in range(6):
        speaker.say(
            "ANNA", f"Line {i} is long enough that a narrow window breaks it into one row more, or two of them."
        )
    wait_for(page, "document.querySelectorAll('#crawl li').length >= 4", 20)
    page.set_viewport_size({"width": 500, "height": 900})
    page.wait_for_timeout(300)
    count = page.locator(LINE).count()
    boxes = [box(page, i) for i in range(count)]
    assert all(above["bottom"] <= below["y"] + 0.5 for above, below in itertools.pairwise(boxes))


@pytest.mark.req("W-10")
def test_with_reduced_motion_it_is_a_list(
    page_server: PageServer, open_page: OpenPage, speaker: Any, screenshot: Callable[[Any, str], None]
) -> None:
    page = open_page(f"{page_server.origin}/crawl", reduced_motion="reduce").page
    assert page.locator("#prelude").count() == 0
    for i in range(4):
        speaker.say("ANNA", f"Line {i}.")
    wait_for(page, "document.querySelectorAll('#crawl li').length === 4", 10)
    assert page.evaluate("getComputedStyle(document.querySelector('#crawl')).transform") == "none"
    before = box(page, 0)
    sky = page.evaluate(SKY)
    page.wait_for_timeout(1200)
    assert box(page, 0) == before
    assert page.evaluate(SKY) == sky
    screenshot(page, "reduced-motion")


@pytest.mark.req("W-10")
def test_keyboard_and_screen_reader(page_server: PageServer, open_page: OpenPage, speaker: Any) -> None:
    page = open_page(f"{page_server.origin}/crawl?quiet").page
    assert page.get_attribute("#spoken", "aria-live") == "polite"
    speaker.say("ANNA", "Once.")
    wait_for(page, "document.querySelector('#spoken').textContent === 'ANNA: Once.'")
    page.keyboard.press(" ")
    held = box(page, 0)
    page.wait_for_timeout(300)
    assert box(page, 0) == held
    assert page.get_attribute("header [data-do=pause]", "aria-pressed") == "true"
    page.keyboard.press(" ")
    page.wait_for_timeout(300)
    assert box(page, 0) != held
    page.keyboard.press("p")
    assert page.is_hidden(".group.latency")
    page.keyboard.press("?")
    assert page.is_visible("#keys")
    page.keyboard.press("Escape")
    assert page.is_hidden("#keys")
    reached = set()
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.do"))
    assert {"pause", "console", "figures", "keys"} <= reached
    named = "e.textContent.trim() || e.ariaLabel || e.labels?.length"
    nameless = f"[...document.querySelectorAll('button, input')].filter(e => !({named})).length"
    assert page.evaluate(nameless) == 0


@pytest.mark.req("W-11")
def test_topic_and_history(page_server: PageServer, open_page: OpenPage, speaker: Any) -> None:
    speaker.raw("other/kept", "retained", retain=True)
    for i in range(5):
        speaker.raw("other", json.dumps({"character": "PAST", "text": f"{i}"}))
    page = open_page(f"{page_server.origin}/crawl?quiet&topic=other/%23&history=2&speed=4").page
    speaker.say("ANNA", "elsewhere", topic="StarWars")
    speaker.say("BERT", "here", topic="other/1")
    wait_for(page, "document.querySelectorAll('#crawl li').length === 4", 20)
    shown = sorted(page.locator(f"{LINE} p").all_inner_texts())
    assert shown == ["3", "4", "here", "retained"]


@pytest.mark.req("W-11", "D-10")
def test_another_broker_by_url_when_the_policy_allows_it(
    page_server: PageServer, open_page: OpenPage, speaker: Any
) -> None:
    # Another port of the page's host is allowed always, another host where the server says so.
    with mqtt_sim.Broker(http={"other_brokers": True}) as elsewhere:
        for page, there in (
            (f"{elsewhere.page}?quiet", f"ws://localhost:{page_server.port}/"),
            (f"{page_server.origin}/crawl?quiet", f"ws://127.0.0.1:{elsewhere.port}/"),
        ):
            watched = open_page(f"{page}&v=4&url={there}")
            assert there in watched.requests
            assert watched.page.inner_text("#where") == "MQTT 3.1.1"
            assert watched.errors == []
            if there.startswith("ws://localhost"):
                speaker.say("ANNA", "Over there.")
                watched.page.wait_for_selector(LINE)


@pytest.mark.req("W-01")
def test_a_policy_that_forbids_it_is_said_to_be_the_reason(page_server: PageServer, open_page: OpenPage) -> None:
    there = f"ws://localhost:{page_server.port}/"
    page = open_page(f"{page_server.origin}/crawl?quiet&url={there}", live=False).page
    page.wait_for_selector("#notice:not([hidden])")
    page.wait_for_timeout(800)  # nor is there a second try that would say something else
    assert "policy" in page.inner_text("#notice")
    assert page.inner_text("#state") == "refused"


@pytest.mark.req("W-11")
def test_password_by_prompt_only(
    page_server: PageServer, open_page: OpenPage, screenshot: Callable[[Any, str], None]
) -> None:
    page_server.stop_broker()
    page_server.start_broker(credentials={"ann": "s3cret"}, allow_anonymous=False)
    watched = open_page(f"{page_server.origin}/crawl?quiet&user=ann&password=s3cret", live=False)
    page = watched.page
    page.wait_for_selector("#login[open]")
    assert page.input_value("#login-user") == "ann"
    assert page.input_value("#login-password") == ""
    page.fill("#login-password", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#login-reason:not(:empty)")
    assert re.search("not authorized|bad user name", page.inner_text("#login-reason"))
    screenshot(page, "login")
    page.fill("#login-password", "s3cret")
    page.click("#login button")
    page.wait_for_selector("[data-state=live]")


@pytest.mark.req("D-21")
def test_preset_of_the_connector(page_server: PageServer, open_page: OpenPage, speaker: Any) -> None:
    watched = open_page(f"{page_server.origin}/crawl?quiet&diffusion", live=False)
    page = watched.page
    page.wait_for_selector("#login[open]")
    assert page.input_value("#login-user") == "admin"
    assert page.evaluate("document.activeElement.id") == "login-password"
    page.keyboard.type("password")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-state=live]")
    assert [urlsplit(url).path for url in watched.requests if url.startswith("ws")] == ["/diffusion"]
    speaker.say("ANNA", "By another door.")
    page.wait_for_selector(LINE)
