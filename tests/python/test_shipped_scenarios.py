"""The scenarios that ship, and the schema beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.machine import DESCRIPTORS_BESIDE_CLIENTS
from mqtt_sim.scenario import load_scenario
from mqtt_sim.scenario.schema import SCHEMA_FILE, make_schema, schema_text
from mqtt_sim.scenario.shipped import shipped_scenarios

DIRECTORY = Path(__file__).resolve().parents[2] / "scenarios"
FILES = sorted(path for path in DIRECTORY.iterdir() if path.suffix in (".json", ".py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_scenario_is_valid_and_describes_itself(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.name == path.stem
    assert len(scenario.description) > 20
    assert scenario.to_plan()["groups"]


def test_all_are_found_by_name() -> None:
    assert {path.stem for path in FILES} == set(shipped_scenarios())


@pytest.mark.req("P-08")
def test_both_spellings_of_episode4_are_one_plan() -> None:
    spelt_in_json, spelt_in_python = (load_scenario(DIRECTORY / f"episode4.{kind}") for kind in ("json", "py"))
    assert spelt_in_json.to_plan() == spelt_in_python.to_plan()
    assert spelt_in_json.thresholds == spelt_in_python.thresholds
    assert spelt_in_json.description == spelt_in_python.description


def test_episode4_is_a_thousand_pairs_and_a_fan_in() -> None:
    plan = load_scenario(DIRECTORY / "episode4.json").to_plan()
    cast, audience, critics = plan["groups"]
    assert (cast["count"], audience["count"], critics["count"]) == (1000, 1000, 3)
    assert cast["publish"]["topic"] == audience["subscribe"][0]["filter"] == "StarWars/{i}"
    assert [(asked["filter"], asked["qos"]) for asked in critics["subscribe"]] == [("StarWars/#", 0)]
    assert plan["duration_ns"] <= 20_000_000_000
    assert cast["publish"]["payload"]["kind"] == "dialogue"


@pytest.mark.req("M-29")
@pytest.mark.parametrize("sim", [False, True], ids=["real", "virtual"])
@pytest.mark.parametrize(("name", "copies"), [("chat", 25 * 50), ("machine_status", 200 * 2), ("broadcast", 10 * 1000)])
def test_common_uses_run_and_lose_nothing(name: str, copies: int, sim: bool) -> None:
    health = {"generator.on_invalid": "warn", "thresholds": {}}
    result = mqtt_sim.run(name, sim=sim, set={"duration": "1s", **health})
    assert (result.counts["delivered"], result.lost, result.duplicated) == (copies, 0, 0)


def test_idle_fits_twenty_thousand_descriptors() -> None:
    scenario = load_scenario(DIRECTORY / "idle.json")
    assert scenario.client_count * 2 + DESCRIPTORS_BESIDE_CLIENTS <= 20_000
    assert all(group.publishes is None and group.subscribes is None for group in scenario.groups)


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".json"], ids=lambda path: path.name)
def test_file_points_to_the_schema(path: Path) -> None:
    reference = json.loads(path.read_text())["$schema"]
    assert (path.parent / reference).resolve() == SCHEMA_FILE


# ---- the schema


def test_schema_file_is_current() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), (
        "write it again: python -m mqtt_sim.scenario.schema"
    )


def test_schema_names_every_field_and_forbids_others() -> None:
    schema = make_schema()
    objects = [schema, *(part for part in schema["$defs"].values() if part["type"] == "object")]
    assert len(objects) > 15
    for part in objects:
        assert part["additionalProperties"] is False, part["title"]
        assert part["description"], part["title"]
    assert set(schema["required"]) == {"name"}


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".json"], ids=lambda path: path.name)
def test_schema_knows_all_keys_that_files_use(path: Path) -> None:
    schema = make_schema()

    def check(value: Any, part: dict[str, Any], at: str) -> None:
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rsplit("/", 1)[1]]
        if isinstance(value, dict) and "properties" in part:
            for key, inner in value.items():
                assert key in part["properties"], f"{at}.{key}"
                check(inner, part["properties"][key], f"{at}.{key}")
        elif isinstance(value, list):
            for inner in value:
                check(inner, part.get("items", {}), at)

    check(json.loads(path.read_text()), schema, path.name)
