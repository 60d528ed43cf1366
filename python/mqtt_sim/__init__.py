"""mqtt-sim: an MQTT load tester and simulation harness.

    import mqtt_sim
    result = mqtt_sim.run("scenarios/episode4.json", sim=True, seed=4)
    assert result.latency.p99 < 0.050 and result.lost == 0

Names are loaded on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mqtt_sim.version import __version__

if TYPE_CHECKING:
    from mqtt_sim.broker import Broker
    from mqtt_sim.certificates import make_certificates
    from mqtt_sim.client import (
        BlockingClient,
        Client,
        ClientOptions,
        Connack,
        DecodeError,
        Delivery,
        FileStore,
        Grant,
        LastWill,
        Login,
        MemoryStore,
        Message,
        MessageStream,
        Packet,
        SessionStore,
        connect,
    )
    from mqtt_sim.content import MessageContext
    from mqtt_sim.errors import (
        ClientClosed,
        ClientError,
        ConnectError,
        CorpusError,
        CouldNotRun,
        DeliveryError,
        InterruptedRun,
        MqttSimError,
        PeerError,
        QueueFull,
        ResponseTimeout,
        ScenarioError,
        ScriptError,
        StoreError,
        SubscribeError,
        ThresholdError,
        UsageError,
    )
    from mqtt_sim.inside import BrokerClient, Publication, PublishedMessage
    from mqtt_sim.result import Distribution, Result
    from mqtt_sim.runner import run
    from mqtt_sim.scenario import (
        ClientSettings,
        Connect,
        Consumers,
        CorpusSource,
        Devices,
        Dialogue,
        EmbeddedBroker,
        FixedSize,
        GeneratorHealth,
        Link,
        Listener,
        Producers,
        Publish,
        PythonFunction,
        Scenario,
        Subscribe,
        Target,
        TextTemplate,
        Will,
        load_scenario,
    )

_HOMES = {
    "mqtt_sim.broker": ["Broker"],
    "mqtt_sim.certificates": ["make_certificates"],
    "mqtt_sim.client": [
        "BlockingClient",
        "Client",
        "ClientOptions",
        "Connack",
        "DecodeError",
        "Delivery",
        "FileStore",
        "Grant",
        "LastWill",
        "Login",
        "MemoryStore",
        "Message",
        "MessageStream",
        "Packet",
        "SessionStore",
        "connect",
    ],
    "mqtt_sim.content": ["MessageContext"],
    "mqtt_sim.errors": [
        "ClientClosed",
        "ClientError",
        "ConnectError",
        "CorpusError",
        "CouldNotRun",
        "DeliveryError",
        "InterruptedRun",
        "MqttSimError",
        "PeerError",
        "QueueFull",
        "ResponseTimeout",
        "ScenarioError",
        "ScriptError",
        "StoreError",
        "SubscribeError",
        "ThresholdError",
        "UsageError",
    ],
    "mqtt_sim.inside": ["BrokerClient", "Publication", "PublishedMessage"],
    "mqtt_sim.result": ["Distribution", "Result"],
    "mqtt_sim.runner": ["run"],
    "mqtt_sim.scenario": [
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
        "load_scenario",
    ],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BlockingClient",
    "Broker",
    "BrokerClient",
    "Client",
    "ClientClosed",
    "ClientError",
    "ClientOptions",
    "ClientSettings",
    "Connack",
    "Connect",
    "ConnectError",
    "Consumers",
    "CorpusError",
    "CorpusSource",
    "CouldNotRun",
    "DecodeError",
    "Delivery",
    "DeliveryError",
    "Devices",
    "Dialogue",
    "Distribution",
    "EmbeddedBroker",
    "FileStore",
    "FixedSize",
    "GeneratorHealth",
    "Grant",
    "InterruptedRun",
    "LastWill",
    "Link",
    "Listener",
    "Login",
    "MemoryStore",
    "Message",
    "MessageContext",
    "MessageStream",
    "MqttSimError",
    "Packet",
    "PeerError",
    "Producers",
    "Publication",
    "Publish",
    "PublishedMessage",
    "PythonFunction",
    "QueueFull",
    "ResponseTimeout",
    "Result",
    "Scenario",
    "ScenarioError",
    "ScriptError",
    "SessionStore",
    "StoreError",
    "Subscribe",
    "SubscribeError",
    "Target",
    "TextTemplate",
    "ThresholdError",
    "UsageError",
    "Will",
    "__version__",
    "connect",
    "load_scenario",
    "make_certificates",
    "run",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return __all__
