"""Runs of native producers with functions, in both times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mqtt_sim import Consumers, Producers, Result, Scenario, run

Play = Callable[..., Result]


@pytest.fixture
def play(is_virtual: bool) -> Play:
    """`play(count=2, payload=function)`: the result of a second of such producers, heard by one consumer."""

    def call(*, seed: int = 1, scenario: Any = None, hear: str = "#", **producers: Any) -> Result:
        producers = {"name": "orders", "count": 2, "topic": "orders/{i}", "rate": 10, "qos": 1, **producers}
        fields: dict[str, Any] = {"duration": "1s", "drain": "5s", **(scenario or {})}
        if not is_virtual:
            fields["generator"] = {"on_invalid": "warn"}
        groups = {"producers": [Producers(**producers)], "consumers": [Consumers(topic=hear, qos=1)]}
        return run(Scenario(name="test", **groups, **fields), sim=is_virtual, seed=seed)

    return call
