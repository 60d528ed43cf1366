"""The corpus from file to consumers: every row arrives as the loader reads it, and all producers share one copy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import mqtt_sim
from mqtt_sim.corpus import load

SHIPPED = Path(mqtt_sim.__file__).parent / "corpora/long_haul.txt"
PATIENT = {"generator": {"lateness_limit": "10s", "rate_shortfall_limit": 1}}


def heard(corpus: Path, rows: int) -> list[tuple[str, str]]:
    """What somebody hears who subscribes at the broker while one producer speaks the corpus."""
    scenario = {
        "name": "replay",
        "duration": "60s",
        "producers": [{"name": "cast", "topic": "StarWars", "qos": 1, "rate": 500, "messages": rows}],
        "consumers": [{"name": "audience", "count": 2, "topic": "StarWars", "qos": 1}],
        **PATIENT,
    }
    lines: list[tuple[str, str]] = []
    with mqtt_sim.Broker() as broker, mqtt_sim.connect(broker.url) as listener:
        listener.subscribe("StarWars", qos=1)
        result = mqtt_sim.run(scenario, broker=broker.url, corpus=corpus)
        assert (result.written, result.lost) == (rows, 0)
        for message in listener.messages(timeout=20):
            line = json.loads(message.text())
            lines.append((line["character"], line["text"]))
            if len(lines) == rows:
                return lines
    return lines


@pytest.mark.net
@pytest.mark.req("D-02", "D-11", "P-06")
def test_consumers_hear_every_row_of_the_shipped_corpus_as_the_loader_reads_it() -> None:
    rows = [(row.character, row.text) for row in load(SHIPPED).rows]
    assert len(rows) >= 400
    assert heard(SHIPPED, len(rows)) == rows


@pytest.mark.net
@pytest.mark.req("D-02", "D-11", "P-06")
def test_consumers_hear_every_row_of_a_corpus_of_the_user_s(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    lines = [
        '"character" "dialogue"',
        r'"1" "ANN" "Quotes \"here\" and C:\\there"',
        '"2" "JOSÉ" "日本語 🚀"',
        '"3" "BO" "  spaces  "',
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = [(row.character, row.text) for row in load(path).rows]
    assert [character for character, _ in rows] == ["ANN", "JOS\u00c9", "BO"]
    assert heard(path, 3) == rows


@pytest.mark.sim
@pytest.mark.measured
@pytest.mark.req("K-08")
def test_five_thousand_producers_share_one_copy_of_the_corpus(tmp_path: Path) -> None:
    corpus = tmp_path / "big.txt"
    words = ["corpus", "synth", "--rows", "20000", "--seed", "4", "-o", str(corpus)]
    subprocess.run([sys.executable, "-m", "mqtt_sim", *words], check=True, capture_output=True, timeout=60)
    assert corpus.stat().st_size > 2**20
    script = (
        "import resource, sys, mqtt_sim\n"
        "cast = {'name': 'cast', 'count': 5000, 'topic': 'a/{i}'}\n"
        "scenario = {'name': 'many', 'duration': '1s', 'producers': [cast]}\n"
        "assert mqtt_sim.run(scenario, sim=True, corpus=sys.argv[1]).written >= 5000\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)"
    )

    def peak(path: Path) -> int:
        command = [sys.executable, "-c", script, str(path)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)

    assert peak(corpus) - peak(SHIPPED) < 20 * corpus.stat().st_size
