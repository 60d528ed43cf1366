"""mosquitto_pub and mosquitto_sub as clients of the embedded broker."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from outside import program

import mqtt_sim

LEVELS = {"3.1": "mqttv31", "3.1.1": "mqttv311", "5.0": "mqttv5"}


def publish(port: int, *arguments: str) -> None:
    subprocess.run([program("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(port), *arguments], check=True, timeout=20)


class Subscriber:
    """A mosquitto_sub that ends by itself after `count` messages, or 15 s."""

    def __init__(self, broker: mqtt_sim.Broker, count: int, *arguments: str) -> None:
        before = broker.stats()["subscriptions"]
        command = [program("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(broker.port), "-C", str(count), "-W", "15"]
        self.process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
        end = time.monotonic() + 10
        # One that resumes a session, or is served at once, adds no subscription that could be seen.
        while broker.stats()["subscriptions"] == before and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)

    def lines(self) -> list[str]:
        out, _ = self.process.communicate(timeout=20)
        return out.splitlines()


@pytest.mark.req("D-24", "M-26", "X-01")
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_message_arrives(broker: mqtt_sim.Broker, level: str, qos: int) -> None:
    subscriber = Subscriber(broker, 1, "-t", "greeting/+", "-q", str(qos), "-V", LEVELS[level], "-F", "%t %q %p")
    publish(broker.port, "-t", "greeting/one", "-m", "hello", "-q", str(qos), "-V", LEVELS[level])
    assert subscriber.lines() == [f"greeting/one {qos} hello"]


@pytest.mark.req("M-27")
def test_a_retained_message_waits_for_late_subscribers_until_it_is_cleared(broker: mqtt_sim.Broker) -> None:
    publish(broker.port, "-t", "state", "-m", "old", "-r", "-q", "1")
    publish(broker.port, "-t", "state", "-m", "new", "-r", "-q", "1")
    assert Subscriber(broker, 1, "-t", "state", "-q", "1", "-F", "%r %p").lines() == ["1 new"]
    publish(broker.port, "-t", "state", "-n", "-r", "-q", "1")
    late = Subscriber(broker, 1, "-t", "#", "-F", "%p")
    publish(broker.port, "-t", "other", "-m", "fresh")
    assert late.lines() == ["fresh"]


@pytest.mark.req("C-07")
def test_a_persistent_session_keeps_what_came_while_its_client_was_away(broker: mqtt_sim.Broker) -> None:
    session = ("-i", "sleeper", "-c", "-t", "news", "-q", "2")
    first = Subscriber(broker, 1, *session)
    publish(broker.port, "-t", "news", "-m", "one", "-q", "2")
    assert first.lines() == ["one"]
    for text in ("two", "three"):
        publish(broker.port, "-t", "news", "-m", text, "-q", "2")
    assert Subscriber(broker, 2, *session).lines() == ["two", "three"]


@pytest.mark.req("C-10")
def test_the_will_of_a_killed_client_is_published(broker: mqtt_sim.Broker) -> None:
    watcher = Subscriber(broker, 1, "-t", "wills", "-F", "%p")
    victim = Subscriber(broker, 1, "-t", "nothing", "--will-topic", "wills", "--will-payload", "gone")
    victim.process.kill()
    victim.lines()
    assert watcher.lines() == ["gone"]


@pytest.mark.req("D-14")
def test_an_outside_listener_reads_dialogues_as_json(broker: mqtt_sim.Broker) -> None:
    listener = Subscriber(broker, 10, "-t", "StarWars")
    scenario = {
        "name": "one voice",
        "duration": "5s",
        "producers": [{"name": "voice", "topic": "StarWars", "rate": 20, "messages": 10, "payload": "dialogue"}],
        "generator": {"lateness_limit": "5s", "rate_shortfall_limit": 1},
    }
    result = mqtt_sim.run(scenario, broker=broker.url)
    assert result.passed, result
    heard = [json.loads(line) for line in listener.lines()]
    assert [list(message) for message in heard] == [["character", "text", "stamp"]] * 10
    assert all(message["character"].isupper() and message["text"] for message in heard)
