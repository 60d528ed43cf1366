"""Scenarios: what they are (model), how they are read (load) and what they become (plan)."""

from mqtt_sim.scenario.embedded_broker import EmbeddedBroker
from mqtt_sim.scenario.listener import Listener
from mqtt_sim.scenario.load import find_scenario, load_scenario
from mqtt_sim.scenario.model import (
    Client,
    Connect,
    Consumers,
    CorpusSource,
    Devices,
    GeneratorHealth,
    Link,
    Producers,
    Publish,
    Scenario,
    Subscribe,
    Target,
    Will,
)
from mqtt_sim.scenario.model import Client as ClientSettings
from mqtt_sim.scenario.payload import Dialogue, FixedSize, PythonFunction, TextTemplate

__all__ = [
    "Client",
    "ClientSettings",
    "Connect",
    "Consumers",
    "CorpusSource",
    "Devices",
    "Dialogue",
    "EmbeddedBroker",
    "FixedSize",
    "GeneratorHealth",
    "Link",
    "Listener",
    "Producers",
    "Publish",
    "PythonFunction",
    "Scenario",
    "Subscribe",
    "Target",
    "TextTemplate",
    "Will",
    "find_scenario",
    "load_scenario",
]
