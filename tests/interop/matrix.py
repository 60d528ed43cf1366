"""The interop matrix: clients of others at the embedded broker, and our clients at brokers of others.

Four schemes, levels 3.1, 3.1.1 and 5.0, QoS 0, 1 and 2, for every peer. A peer's program goes through all levels and
QoS of one scheme and prints a line of JSON for each; what it does in a cell:

- two clients connect, one subscribes and is granted the QoS;
- payloads of sizes around every place where a length takes one byte more, then 50 messages at once: all arrive once, in
  order, byte for byte, with their QoS (and at level 5 a user property);
- a retained message waits for one who comes late, and is gone once cleared;
- a client that ends without DISCONNECT leaves its will.

Our clients run a scenario with a group of producers and a group of consumers for each level and QoS.

    .venv/bin/python tests/interop/matrix.py    runs it all and prints it as Markdown; exit code 1 when a cell failed
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from types import TracebackType
from typing import Any

from four_listeners import (
    PEERS,
    SCHEMES,
    URL_SCHEMES,
    Certificates,
    aedes_on_four,
    make_certificates,
    mosquitto_on_four,
    node_program,
)
from outside import program

import mqtt_sim

LEVELS = {3: "3.1", 4: "3.1.1", 5: "5.0"}
QOS = (0, 1, 2)
SECURE = ("tls", "wss")
CLIENTS = ("MQTT.js", "paho-mqtt", "aiomqtt", "mosquitto_pub and _sub", "Boost.MQTT5")
BROKERS = ("Mosquitto", "aedes", "embedded")
"""What our clients run against."""

PROGRAM_LIMIT_S = 120.0
BOOST_CLIENT = Path(__file__).resolve().parents[2] / "build/dev/tests/interop/peers/boost_mqtt5/boost_mqtt5_client"


@dataclass(frozen=True)
class Cell:
    """One field of the matrix."""

    peer: str
    scheme: str
    level: int
    qos: int

    def __str__(self) -> str:
        return f"{self.peer}-{self.scheme}-{LEVELS[self.level]}-qos{self.qos}"


@dataclass(frozen=True)
class Outcome:
    """What became of a cell, or of a check beside them."""

    passed: bool
    detail: str = ""


def reason_against(peer: str, scheme: str, level: int) -> str | None:
    """Why there is no such cell."""
    if peer == "mosquitto_pub and _sub" and scheme in ("ws", "wss"):
        return "the programs of Mosquitto 2.0 know no WebSocket"
    if peer == "Boost.MQTT5" and level != 5:
        return "Boost.MQTT5 speaks MQTT 5.0 only"
    if peer == "aedes" and level == 5:
        return "aedes refuses MQTT 5.0"
    return None


def cells(peers: tuple[str, ...]) -> list[Cell]:
    """Those that can be."""
    fields = product(peers, SCHEMES, LEVELS)
    return [Cell(*field, qos) for field in fields if reason_against(*field) is None for qos in QOS]


def foreign_authority_checks() -> list[tuple[str, str]]:
    """(client, scheme) of those who have to refuse a broker whose authority they do not know."""
    return [(peer, scheme) for peer, scheme in product(CLIENTS, SECURE) if reason_against(peer, scheme, 5) is None]


class Matrix:
    """Starts brokers and peers when a cell is first asked for, and remembers what became of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Matrix:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def outcome(self, cell: Cell) -> Outcome:
        """Of a cell, of a client's or of a broker's row."""
        outcomes = self.client_run if cell.peer in CLIENTS else self.broker_run
        return outcomes(cell.peer, cell.scheme)[cell.level, cell.qos]

    @cache  # noqa: B019 (a matrix lives as long as the run of the tests)
    def client_run(self, peer: str, scheme: str) -> dict[Any, Outcome]:
        """By (level, QoS), and the check "foreign authority": a peer at the embedded broker on its one port."""
        return run_client(peer, self.embedded.url_for(URL_SCHEMES[scheme]), self._ca_of(self.embedded), self)

    @cache  # noqa: B019
    def broker_run(self, broker: str, scheme: str) -> dict[Any, Outcome]:
        """By (level, QoS): our clients at a broker."""
        levels = [level for level in LEVELS if reason_against(broker, scheme, level) is None]
        try:
            return outcomes_of(self.run_scenario(broker, scheme, levels))
        except mqtt_sim.MqttSimError as error:
            return {(level, qos): Outcome(False, str(error)) for level in levels for qos in QOS}

    def run_scenario(self, broker: str, scheme: str, levels: list[int], ca: Path | None = None) -> mqtt_sim.Result:
        """A group of producers and one of consumers for each of the levels and QoS."""
        scenario = scenario_of(levels)
        if broker == "embedded":
            return mqtt_sim.run({**scenario, "transport": scheme})
        if scheme in SECURE:
            scenario["client"] = {"tls": {"ca": str(ca or self.certificates.ca)}}
        return mqtt_sim.run(scenario, broker=self._urls_of(broker)[scheme])

    @cached_property
    def certificates(self) -> Certificates:
        """Of the brokers of others."""
        return make_certificates(self._folder)

    @cached_property
    def embedded(self) -> mqtt_sim.Broker:
        """One port for all schemes, with an authority of its own."""
        return self._stack.enter_context(mqtt_sim.Broker(port=0))

    @cache  # noqa: B019
    def _urls_of(self, broker: str) -> dict[str, str]:
        opened = {"Mosquitto": mosquitto_on_four, "aedes": aedes_on_four}[broker]
        return self._stack.enter_context(opened(self.certificates, self._folder))

    def _ca_of(self, broker: mqtt_sim.Broker) -> Path:
        file = self._folder / f"ca_of_{broker.port}.pem"
        file.write_text(broker.ca_pem)
        return file


def command_of(peer: str) -> list[str]:
    """The program of a client, without its arguments."""
    if peer == "MQTT.js":
        return [program("node"), str(node_program("mqttjs_client.mjs"))]
    if peer == "Boost.MQTT5":
        assert BOOST_CLIENT.is_file(), "not built: cmake --build build/dev --target boost_mqtt5_client"
        return [str(BOOST_CLIENT)]
    if peer == "mosquitto_pub and _sub":
        program("mosquitto_pub")
    names = {"paho-mqtt": "paho_client", "aiomqtt": "aiomqtt_client", "mosquitto_pub and _sub": "mosquitto_clients"}
    return [sys.executable, str(PEERS / f"{names[peer]}.py")]


def run_client(peer: str, url: str, ca: Path, matrix: Matrix) -> dict[Any, Outcome]:
    """What a client's program tells of the broker at `url`; cells that it did not reach have failed."""
    is_secure = url.startswith(("mqtts:", "wss:"))
    trust = [str(ca), str(matrix.certificates.foreign_ca)] if is_secure else []
    try:
        done = subprocess.run([*command_of(peer), url, *trust], capture_output=True, text=True, timeout=PROGRAM_LIMIT_S)
        said, complaint = done.stdout, done.stderr[-2000:]
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"").decode()
        complaint = f"still running after {PROGRAM_LIMIT_S} s"
    outcomes: dict[Any, Outcome] = {(level, qos): Outcome(False, complaint) for level in LEVELS for qos in QOS}
    for line in said.splitlines():
        row = json.loads(line)
        key = row.get("check") or (row["level"], row["qos"])
        outcomes[key] = Outcome(row["passed"], row["detail"])
    return outcomes


def scenario_of(levels: list[int]) -> dict[str, Any]:
    """Small messages and a few large ones on each level and QoS, from producers to consumers of their own."""
    producers: list[dict[str, Any]] = []
    consumers: list[dict[str, Any]] = []
    for level in levels:
        for qos in QOS:
            same = {"qos": qos, "client": {"protocol_version": LEVELS[level]}}
            small, large = f"matrix/{level}/{qos}/{{i}}", f"matrix/{level}/{qos}/large"
            producers += [
                {"name": f"small-{level}-{qos}", "count": 4, "topic": small, "rate": 20, "messages": 10, **same},
                {
                    "name": f"large-{level}-{qos}",
                    "topic": large,
                    "rate": 10,
                    "messages": 2,
                    "payload": {"kind": "size", "size": 100_000},
                    **same,
                },
            ]
            consumers += [
                {"name": f"hears-small-{level}-{qos}", "count": 4, "topic": small, **same},
                {"name": f"hears-large-{level}-{qos}", "topic": large, **same},
            ]
    return {
        "name": "matrix",
        "duration": "700ms",
        "producers": producers,
        "consumers": consumers,
        "generator": {"lateness_limit": "5s", "rate_shortfall_limit": 1},
    }


def outcomes_of(result: mqtt_sim.Result) -> dict[Any, Outcome]:
    """By (level, QoS): whether everything was sent, acknowledged and delivered exactly once, in order."""
    counts = {group["name"]: group["counts"] for group in result.document["groups"]}
    outcomes: dict[Any, Outcome] = {}
    for name in counts:
        if not name.startswith("small-"):
            continue
        level, qos = (int(part) for part in name.split("-")[1:])
        wrong = []
        for kind, sent in (("small", 40), ("large", 2)):
            speaks, hears = counts[f"{kind}-{level}-{qos}"], counts[f"hears-{kind}-{level}-{qos}"]
            promised = {"written": sent, "acknowledged": sent if qos else 0}
            wrong += [f"{kind} {key} {speaks[key]}" for key, value in promised.items() if speaks[key] != value]
            promised = {"expected": sent, "received": sent, "lost": 0, "duplicated": 0, "reordered": 0}
            wrong += [f"{kind} {key} {hears[key]}" for key, value in promised.items() if hears[key] != value]
        errors = [str(error) for error in result.document["errors"]]
        outcomes[level, qos] = Outcome(not wrong and not errors, ", ".join(wrong + errors))
    return outcomes


def markdown(matrix: Matrix) -> tuple[str, int]:
    """The tables, and how many cells failed."""
    lines: list[str] = []
    failures: list[str] = []
    notes: dict[str, int] = {}
    for title, peers in (("Client of the embedded broker", CLIENTS), ("Broker of our clients", BROKERS)):
        lines += [f"| {title} | MQTT | {' | '.join(SCHEMES)} |", f"|---|---|{'---|' * len(SCHEMES)}"]
        for peer in peers:
            for level, version in LEVELS.items():
                fields = (_field(matrix, peer, scheme, level, notes, failures) for scheme in SCHEMES)
                lines.append(f"| {peer} | {version} | {' | '.join(fields)} |")
        lines.append("")
    total = len(cells(CLIENTS + BROKERS))
    lines.append(f"{total - len(failures)} of {total} cells passed; the digits are the QoS that did.")
    lines += [f"– {number}: {note}" for note, number in notes.items()]
    refused = [matrix.client_run(*check)["foreign authority"].passed for check in foreign_authority_checks()]
    lines.append(f"A broker of an authority they do not know: refused by {sum(refused)} of {len(refused)}.")
    lines += [f"FAILED {failure}" for failure in failures]
    return "\n".join(lines), len(failures) + refused.count(False)


def _field(matrix: Matrix, peer: str, scheme: str, level: int, notes: dict[str, int], failures: list[str]) -> str:
    if reason := reason_against(peer, scheme, level):
        return f"– {notes.setdefault(reason, len(notes) + 1)}"
    passed = []
    for qos in QOS:
        outcome = matrix.outcome(cell := Cell(peer, scheme, level, qos))
        passed.append(str(qos) if outcome.passed else f"**{qos} failed**")
        if not outcome.passed:
            failures.append(f"{cell}: {outcome.detail}")
    return " ".join(passed)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Matrix(Path(folder)) as matrix:
        text, failed = markdown(matrix)
    print(text)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
