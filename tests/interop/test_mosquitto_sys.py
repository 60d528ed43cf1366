"""mosquitto_sub reads what the embedded broker tells about itself."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from outside import program

import mqtt_sim

PAGE = Path(__file__).resolve().parents[2] / "docs/BROKER.md"
PREFIX = "$SYS/broker/"


def read(port: int, *arguments: str) -> dict[str, str]:
    """What mosquitto_sub hears within two seconds, by topic."""
    command = [program("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(port), "-W", "2", "-F", "%t=%p", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.stderr in ("", "Timed out\n"), done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@pytest.fixture
def talkative() -> Iterator[mqtt_sim.Broker]:
    with mqtt_sim.Broker(sys_interval="200ms") as running:
        yield running


@pytest.mark.req("X-21", "X-22", "D-26")
def test_sys_topics_have_sensible_values(talkative: mqtt_sim.Broker) -> None:
    publish = [program("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(talkative.port), "-q", "1"]
    subprocess.run([*publish, "-t", "kept", "-m", "12345", "-r"], check=True, timeout=20)
    told = read(talkative.port, "-t", "$SYS/#")
    assert told[PREFIX + "version"].startswith("mqtt-sim version ")
    assert re.fullmatch(r"\d+ seconds", told[PREFIX + "uptime"])
    numbers = {topic.removeprefix(PREFIX): value for topic, value in told.items()}
    del numbers["version"], numbers["uptime"]
    assert all(re.fullmatch(r"\d+(\.\d\d)?", value) for value in numbers.values()), numbers
    assert numbers["clients/connected"] == "1"
    assert numbers["clients/total"] == "1"
    assert numbers["subscriptions/count"] == "1"
    assert numbers["retained messages/count"] == "1"
    assert numbers["publish/messages/received"] == "1"
    assert numbers["publish/bytes/received"] == "5"
    assert int(numbers["messages/sent"]) > 40
    assert float(numbers["load/messages/sent/1min"]) > float(numbers["load/messages/sent/15min"]) > 0
    assert set(numbers) == documented()


def documented() -> set[str]:
    """The names in the page's table, spelt out."""
    text = PAGE.read_text(encoding="utf-8").split("\n## $SYS\n")[1].split("\n## ")[0]
    names = set()
    for cell in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE):
        names |= set(re.findall(r"`([^`]+)`", cell))
    kinds = re.findall(r"`([a-z/]+)`", text.rsplit("`<what>` is", 1)[1])
    loads = {f"load/{kind}/{window}" for kind in kinds for window in ("1min", "5min", "15min")}
    return {name for name in names if not name.startswith(("/", "load", "Topic", "$"))} - {"version", "uptime"} | loads


@pytest.mark.req("X-22")
def test_sys_topics_are_not_matched_by_leading_wildcards_and_cannot_be_written(talkative: mqtt_sim.Broker) -> None:
    publish = [program("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(talkative.port), "-q", "1"]
    subprocess.run([*publish, "-t", "$SYS/broker/mine", "-m", "x", "-r"], check=True, timeout=20)
    modern = subprocess.run(
        [*publish, "-V", "mqttv5", "-t", "$SYS/broker/uptime", "-m", "x", "-r"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert "Not authorized" in modern.stderr
    assert read(talkative.port, "-t", "#", "-t", "+/broker/#") == {}
    told = read(talkative.port, "-t", "$SYS/broker/mine", "-t", "$SYS/broker/uptime")
    assert list(told) == [PREFIX + "uptime"]
    assert told[PREFIX + "uptime"] != "x"
