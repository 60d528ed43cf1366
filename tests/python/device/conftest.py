"""Runs of scripted devices, in both times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mqtt_sim import Devices, Result, Scenario, run

Play = Callable[..., Result]


@pytest.fixture
def play(is_virtual: bool) -> Play:
    """`play(device, count=3)`: the result of a short run of such devices; more groups by `devices`.

    In real time it is longer: the machine may be busy with other things.
    """

    def call(script: Any, *, seed: int = 1, devices: Any = (), scenario: Any = None, **options: Any) -> Result:
        groups = [Devices(name="device", script=script, **options), *devices]
        fields = {"duration": "600ms" if is_virtual else "2s", "drain": "400ms", **(scenario or {})}
        if not is_virtual:
            fields["generator"] = {"on_invalid": "warn"}
        return run(Scenario(name="test", devices=groups, **fields), sim=is_virtual, seed=seed)

    return call
