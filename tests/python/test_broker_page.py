"""docs/BROKER.md says what the code says: options, counters, $SYS."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mqtt_sim.scenario.embedded_broker import EmbeddedBroker, Listener
from mqtt_sim.scenario.option_table import option_table, with_tables

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/BROKER.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text under a heading."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_tables_are_current() -> None:
    remedy = "run: python -m mqtt_sim.scenario.option_table docs/BROKER.md"
    assert with_tables(PAGE) == PAGE, remedy
    assert option_table(EmbeddedBroker) in section("Options")
    assert option_table(Listener) in section("Listeners")


def test_table_has_a_row_for_each_field_with_its_default_and_choices() -> None:
    table = option_table(EmbeddedBroker)
    assert [re.match(r"\| `(\w+)`", row)[1] for row in table.splitlines()[2:]] == list(EmbeddedBroker.model_fields)  # type: ignore[index]
    assert "| `max_retained_bytes` | `256MiB` |" in table
    assert "| `drain_timeout` | `1m` |" in table
    assert "`newest`, `oldest`, `disconnect` |" in table


@pytest.mark.parametrize("model", [EmbeddedBroker, Listener])
def test_every_field_has_a_meaning(model: type[EmbeddedBroker | Listener]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_limits_name_options_and_counters_that_there_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| `(\w+)` \|$", section("What happens at a limit"), re.MULTILINE)
    options = (
        set(EmbeddedBroker.model_fields) | set(Listener.model_fields) | {"hook_timeout", "hook_queue"}
    )  # of Broker alone
    counters = set(re.findall(r"^ +uint64_t (\w+) = 0;", (ROOT / "core/broker/stats.hpp").read_text(), re.MULTILINE))
    assert len(rows) > 25
    assert [option for option, _ in rows if option not in options] == []
    assert [counter for _, counter in rows if counter not in counters | {"errors"}] == []
    limits = {name for name in EmbeddedBroker.model_fields if name.startswith("max_") or name.endswith("_available")}
    told_not_refused = {"max_session_expiry", "max_inflight", "max_inflight_below_v5"}
    assert limits - {option for option, _ in rows} == told_not_refused


def test_examples_are_configurations() -> None:
    import json

    for example in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL):
        EmbeddedBroker.model_validate(json.loads(example))
    assert "```json" in PAGE
