"""`mqtt-sim produce` and `consume`: what is said, when, and how it is shown."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from outside import free_port

import mqtt_sim
from mqtt_sim.client.message import Message
from mqtt_sim.command import producing, spoken
from mqtt_sim.errors import UsageError

TOOL = [sys.executable, "-m", "mqtt_sim"]
_READERS: list[threading.Thread] = []
NOW = datetime(2026, 5, 4, 12, 0, 0, 250_000, tzinfo=UTC)
CORPUS = '"character" "dialogue"\n"1" "ANN" "One."\n"2" "BOB" "Two \\"quoted\\"."\n"3" "ANN" "Drei: ä"\n'


def message(payload: bytes, topic: str = "StarWars") -> Message:
    return Message(topic, payload, 0, False, False, 0, 0, None)


def said(client_id: str = "c", **changes: Any) -> Iterator[str]:
    plain: dict[str, Any] = {
        "template": None,
        "corpus": None,
        "header": "skip",
        "parser": "strict-unescape",
        "loop": False,
        "announce": None,
        "with_time": False,
    }
    return (make() for make in producing.lines_of(**{**plain, **changes})(client_id))


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "talk.txt"
    path.write_text(CORPUS, encoding="utf-8")
    return str(path)


@pytest.mark.req("D-12")
@pytest.mark.parametrize(
    ("payload", "line"),
    [
        (b'{"character":"ANN","text":"Hello."}', "ANN: Hello."),
        ('{"character":"ANN","text":"ä\u2028b"}'.encode(), "ANN: ä b"),
        (b'{"character":"ANN","text":"one\\ntwo\\rthree"}', "ANN: one\\ntwo\\rthree"),
        (b"Hello mqtt 1", "Hello mqtt 1"),
        (b"a\nb", "a\\nb"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b'{"character":1,"text":"x"}', '{"character":1,"text":"x"}'),
        (b"[1]", "[1]"),
        (b"[" * 100_000, "[" * 100_000),
        (b"", ""),
    ],
)
def test_message_is_shown_as_one_line(payload: bytes, line: str) -> None:
    assert spoken.spoken_line(payload) == line
    assert spoken.show_with_topic(message(payload), NOW) == b"StarWars " + line.encode()


@pytest.mark.req("D-12")
@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b'{"character":"ANN","text":"x\\ny"}', {"character": "ANN", "text": "x\ny"}),
        (b'{"type":"t","value":0.5}', {"type": "t", "value": 0.5}),
        (b"plain\xff", {"payload": "plain\\xff"}),
    ],
)
def test_json_is_one_object_a_line(payload: bytes, shown: dict[str, Any]) -> None:
    line = spoken.show_json(message(payload), NOW)
    assert b"\n" not in line
    assert json.loads(line) == {**shown, "topic": "StarWars", "receiveTime": "2026-05-04T12:00:00.250000Z"}


@pytest.mark.req("D-14")
def test_payload_is_that_of_json_stringify(corpus: str) -> None:
    assert list(said(corpus=corpus)) == [
        '{"character":"ANN","text":"One."}',
        '{"character":"BOB","text":"Two \\"quoted\\"."}',
        '{"character":"ANN","text":"Drei: ä"}',
    ]


@pytest.mark.req("D-15", "D-16")
def test_announcement_comes_first_and_the_header_may_be_a_record(corpus: str) -> None:
    lines = [json.loads(line) for line in said(corpus=corpus, announce="Long ago", header="as-record")]
    assert lines[:2] == [{"character": "NARRATOR", "text": "Long ago"}, {"character": "", "text": ""}]
    assert len(lines) == 5


@pytest.mark.req("D-18")
def test_time_of_sending_has_microseconds(corpus: str) -> None:
    line = json.loads(next(said(corpus=corpus, with_time=True)))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"])


@pytest.mark.req("A-14")
@pytest.mark.parametrize(
    ("template", "pattern"),
    [
        ("Hello mqtt {epoch_ms}", r"Hello mqtt \d{13}"),
        ("{seq} {client_id} {random}", r"0 c 0\.\d{6}"),
        ('{"a":{seq}}', r'\{"a":0\}'),
        ("{nothing} { } {", r"\{nothing\} \{ \} \{"),
    ],
)
def test_template_is_filled_in(template: str, pattern: str) -> None:
    assert re.fullmatch(pattern, next(said(template=template)))


def test_template_without_dialogue_has_no_end_and_one_with_it_has(corpus: str) -> None:
    assert [line for line, _ in zip(said(template="{seq}"), range(5), strict=False)] == ["0", "1", "2", "3", "4"]
    assert list(said(template="{character}", corpus=corpus)) == ["ANN", "BOB", "ANN"]
    assert len([1 for _ in zip(said(corpus=corpus, loop=True), range(7), strict=False)]) == 7


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1.0), ("250ms", 0.25), ("2", 2.0), ("0s", 0.0)])
def test_interval_is_read(text: str, seconds: float) -> None:
    assert producing.read_interval(text) == seconds


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"header": "keep"}, "--header keep: should be skip or as-record"),
        ({"parser": "none"}, "--parser none"),
        ({"template": "x", "with_time": True}, "--time is for dialogue lines"),
    ],
)
def test_wrong_wish_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        next(said(**changes))


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        ("produce --interval soon", 2, "--interval soon"),
        ("produce --corpus nowhere.txt", 104, "nowhere.txt"),
        ("produce --embedded -L mqtt://b", 2, "leave out the address"),
        ("produce --intervall 1s", 2, "--interval"),
        ("consume --json -v", 2, "give one of them"),
        ("consume -p 1", 106, "refused"),
    ],
)
def test_mistake_is_told_in_a_sentence(cli: Callable[..., Any], arguments: str, exit_code: int, words: str) -> None:
    ended = cli(*arguments.split())
    assert ended.exit_code == exit_code
    assert words in ended.err


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    """Its standard output, read as it comes."""
    assert process.stdout is not None
    lines: list[str] = []
    stream = process.stdout
    reader = threading.Thread(target=lambda: lines.extend(iter(stream.readline, "")), daemon=True)
    reader.start()
    _READERS.append(reader)
    return lines


def until(wanted: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not wanted():
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [*TOOL, *arguments]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait(10)
    while _READERS:
        _READERS.pop().join(10)
    for process in running:
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.mark.net
@pytest.mark.req("D-01", "D-05", "D-09", "D-12")
def test_producer_keeps_its_times_and_both_consumers_hear_all_in_order(start: Any, tmp_path: Path) -> None:
    talk = tmp_path / "talk.txt"
    rows = "".join(f'"{number}" "ANN" "Line {number}"\n' for number in range(1, 21))
    talk.write_text('"character" "dialogue"\n' + rows)
    with mqtt_sim.Broker() as broker:
        tcp = start("consume", "-p", str(broker.port), "-C", "20")
        web = start("consume", "-L", broker.url_for("ws"), "-C", "20", "--json")
        until(lambda: broker.stats()["subscriptions"] == 2)
        producer = start("produce", "-p", str(broker.port), "--corpus", str(talk), "--interval", "100ms")
        out, err = producer.communicate(timeout=40)
        heard, seen = tcp.communicate(timeout=40)[0].splitlines(), web.communicate(timeout=40)[0].splitlines()
    first, *spoken_lines, last = out.splitlines()
    assert (producer.returncode, err) == (0, "")
    assert first == f"producing on StarWars at mqtt://localhost:{broker.port}, every 0.1 s"
    assert spoken_lines == [f"> ANN: Line {number}" for number in range(1, 21)]
    assert re.fullmatch(r"produced 20 messages in 1\.9 s, none more than [\d.]+ ms late", last)
    assert heard == [line.removeprefix("> ") for line in spoken_lines]
    times = [datetime.fromisoformat(json.loads(line)["receiveTime"]) for line in seen]
    gaps = [(after - before).total_seconds() for before, after in pairwise(times)]
    assert abs(sum(gaps) / len(gaps) - 0.1) < 0.01


@pytest.mark.net
@pytest.mark.req("D-05", "D-15")
def test_interrupted_producer_says_goodbye(start: Any) -> None:
    with mqtt_sim.Broker() as broker, mqtt_sim.connect(broker.url) as listener:
        listener.subscribe("will")
        messages = listener.messages(timeout=1)
        will = ["--will-topic", "will", "--will-payload", "lost"]
        producer = start("produce", "-p", str(broker.port), "--self-subscribe", "--announce", "Long ago", *will)
        lines = lines_of(producer)
        until(lambda: "< NARRATOR: Long ago\n" in lines)
        producer.send_signal(signal.SIGINT)
        assert producer.wait(20) == 0
        until(lambda: lines[-1].startswith("produced "))
        assert list(messages) == []
    assert lines[1] == "> NARRATOR: Long ago\n"


@pytest.mark.net
@pytest.mark.req("A-14")
def test_greeting_is_published_again_and_again(start: Any) -> None:
    with mqtt_sim.Broker() as broker, mqtt_sim.connect(broker.url) as listener:
        listener.subscribe("test")
        messages = listener.messages(timeout=20)
        start(
            *["produce", "-p", str(broker.port), "--template", "Hello mqtt {epoch_ms}", "--topic", "test"],
            *["--interval", "50ms"],
        )
        heard = [next(messages).text() for _ in range(5)]
    assert all(re.fullmatch(r"Hello mqtt \d{13}", text) for text in heard)
    assert heard == sorted(heard)
    assert len(set(heard)) == 5


@pytest.mark.net
def test_embedded_broker_is_there_for_the_others(start: Any) -> None:
    unused_port = free_port()
    consumer = start("consume", "--embedded", "-p", str(unused_port), "-C", "2")
    assert consumer.stderr is not None
    assert consumer.stderr.readline() == f"broker at mqtt://127.0.0.1:{unused_port}\n"
    producer = start("produce", "-p", str(unused_port), "--loop", "--interval", "50ms")
    assert len(consumer.communicate(timeout=40)[0].splitlines()) == 2
    producer.send_signal(signal.SIGTERM)
    assert producer.wait(20) == 0
