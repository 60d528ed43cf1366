"""The commands of the documents, typed into a shell: hosts stand in for those of the page, numbers are smaller."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from fenced import DOCUMENTS, ROOT, fenced, text_of
from outside import free_port

import mqtt_sim

LIMIT_S = 60.0

ELSEWHERE = {
    "make demo": "make fresh-check",
    "make test": "what runs this very test",
    "pip install .": "scripts/setup, which make test runs first",
}
"""Commands of the pages that no test types, and what executes them."""

SMALLER = [
    (r"scenarios/episode4\.json|run episode4\b", r"\g<0> --set duration=1s"),
    (r"bench (?!conn)\w+ (?!.*--print-config)", r"\g<0>-z 1s "),
    (r"-c (500|5000) (-I 100 )?", r"-c 20 \g<2>-i 1 "),
    (r"-z 5m", ""),
    (r"--rows 100000", "--rows 1000"),
    (r"-C 100", "-C 3"),
]
"""What the same command says when it has less time."""

ENDLESS = re.compile(
    r"(^|&& )mqtt-sim (broker(?!.*--print-config)|consume|produce(?!.* -C )|sub(?!.* -C ))|--hold|tail -f"
)
"""Commands that go on until Ctrl-C."""


class Line(NamedTuple):
    """A line of a shell block, without its comment."""

    document: str
    text: str

    def __str__(self) -> str:
        return self.text


def lines() -> list[Line]:
    """All there are, each once."""
    blocks = [(document, block) for document in DOCUMENTS for block in fenced(document, "sh")]
    stripped = [
        Line(document, re.sub(r"\s+#.*", "", line)) for document, block in blocks for line in block.splitlines()
    ]
    return list({line.text: line for line in stripped if line.text}.values())


@pytest.fixture(scope="module")
def broker() -> Iterator[mqtt_sim.Broker]:
    """The broker on the pages' hosts, with something to hear on every topic that they listen to."""
    with mqtt_sim.Broker() as running:
        for topic in ("presence", "answer", "sensors/1"):
            running.publish(topic, "Hello mqtt", retain=True)
        yield running


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory, broker: mqtt_sim.Broker) -> Path:
    """A directory with the files that the pages name."""
    tmp_path = tmp_path_factory.mktemp("furnished")
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    shutil.copy(ROOT / "python/mqtt_sim/corpora/long_haul.txt", tmp_path / "talk.txt")
    (tmp_path / "talk.csv").write_text("character,text\nANN,Hello\n", encoding="utf-8")
    (tmp_path / "log").write_text("a\nb\n", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret\n", encoding="utf-8")
    (tmp_path / "acl.txt").write_text("user ann\ntopic readwrite #\n", encoding="utf-8")
    (tmp_path / "broker.json").write_text('{"max_connections": 100}', encoding="utf-8")
    (tmp_path / "ca.pem").write_text(broker.ca_pem, encoding="utf-8")
    (tmp_path / "public").mkdir()
    (tmp_path / ".config/fish/completions").mkdir(parents=True)
    command = [sys.executable, "-m", "mqtt_sim"]
    for words in (
        ["adduser", "passwords.txt", "ann"],
        ["run", "tutorial", "--sim", "--quiet", "--json", "before.json"],
    ):
        subprocess.run([*command, *words], cwd=tmp_path, check=True, capture_output=True, input=b"secret\n", timeout=60)
    shutil.copy(tmp_path / "before.json", tmp_path / "after.json")
    return tmp_path


@pytest.fixture
def place(tmp_path: Path, furnished: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(furnished, tmp_path, dirs_exist_ok=True)


def as_here(text: str, broker: mqtt_sim.Broker) -> str:
    """The command with the stand-in for every host of the pages, and less to do."""
    _, _, port = broker.url.rpartition(":")
    text = re.sub(r"mqtt://10\.0\.0\.7:1883", broker.url, text)
    text = re.sub(r"(--broker|-L) wss://broker(\.example)?/mqtt", rf"\g<1> wss://127.0.0.1:{port}/mqtt", text)
    if f"wss://127.0.0.1:{port}" in text:
        text += " --cafile ca.pem" if "produce" in text else " --set client.tls.ca=ca.pem"
    text = text.replace("@broker/", f"@127.0.0.1:{port}/").replace("-h broker", f"-h 127.0.0.1 -p {port}")
    text = re.sub(r"(?<=--port )1883|(?<=:)(1883|8884)\b", lambda _: str(free_port()), text)
    if re.match(r"mqtt-sim (consume|bench sub)", text):
        text += f" -p {free_port()}" if "--embedded" in text else ""
    for pattern, smaller in SMALLER:
        text = re.sub(pattern, smaller, text)
    return text


def shell_for(text: str) -> list[str]:
    """The shell that the line is meant for."""
    if "completion zsh" in text:
        return ["zsh", "-fec", f"autoload -Uz compinit; compinit -u; {text}"]
    return ["bash", "-o", "pipefail", "-ec", text]


def typed(text: str, place: Path, broker: mqtt_sim.Broker) -> subprocess.Popen[str]:
    """The command in a shell of its own, which Ctrl-C reaches as a group."""
    _, _, port = broker.url.rpartition(":")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MQTT_SIM_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(place),
        "XDG_CONFIG_HOME": str(place / "nothing"),
        "PYTHONUNBUFFERED": "1",
    }
    if re.match(r"mqtt-sim (pub|sub|produce)\b", text):
        environment["MQTT_SIM_PORT"] = port
    return subprocess.Popen(
        shell_for(text),
        cwd=place,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> str:
    """Ends it as Ctrl-C does; what else it says."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        return process.communicate(timeout=LIMIT_S)[0]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.net
@pytest.mark.parametrize("line", [line for line in lines() if line.text not in ELSEWHERE], ids=str)
def test_command_of_a_page_does_what_it_should(line: Line, place: Path, broker: mqtt_sim.Broker) -> None:
    text = as_here(line.text, broker)
    if "--certs certs" in text and not text.startswith("mqtt-sim certs"):
        mqtt_sim.make_certificates(place / "certs")
    process = typed(text, place, broker)
    assert process.stdin is not None
    assert process.stdout is not None
    if not ENDLESS.search(text):
        try:
            out, _ = process.communicate("secret\n", timeout=LIMIT_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        is_measured = re.search("episode4|sensors|bench", text) and "--sim" not in text
        assert process.returncode in ((0, 99) if is_measured else (0,)), out  # 99: this machine is slow today
        return
    first = "" if text.startswith("tail") else process.stdout.readline()
    time.sleep(2 if re.match("tail|mqtt-sim (consume|certs)", text) else 0)  # what they wait for is not told
    rest = end(process)
    assert process.returncode in (0, 99, 105), first + rest
    assert "mqtt-sim: " not in (first + rest).replace("mqtt-sim: interrupted", "")


def quick_starts() -> dict[str, list[str]]:
    """Heading → the two lines below it."""
    page = text_of("docs/COMMAND_LINE.md").split("## Quick starts")[1].split("\n## ")[0]
    return {
        title: block.splitlines() for title, block in re.findall(r"\*\*(.*?)\*\*.*?```sh\n(.*?)```", page, re.DOTALL)
    }


@pytest.mark.net
@pytest.mark.req("D-05", "D-12", "D-24", "A-07", "A-14")
@pytest.mark.parametrize("title", quick_starts())
def test_two_lines_are_enough(title: str, place: Path, broker: mqtt_sim.Broker) -> None:
    first, second = quick_starts()[title]
    port = free_port()
    wanted = {"A dialogue": "[A-Z ]+: .+", "A greeting": "Hello mqtt", "A clock": r"Hello mqtt \d{13}"}[title]
    listener = typed(f"{first} -p {port}", place, broker)
    try:
        assert listener.stdout is not None
        assert listener.stdout.readline() == f"broker at mqtt://127.0.0.1:{port}\n"
        time.sleep(1)  # to subscribe: nobody here can ask the broker
        speaker = typed(f"{second} -p {port}", place, broker)
        try:
            assert re.match(wanted, listener.stdout.readline())
        finally:
            end(speaker)
    finally:
        end(listener)


def test_pages_have_commands() -> None:
    assert len(lines()) >= 40
    assert set(ELSEWHERE) <= {line.text for line in lines()}
