"""A broker from inside: its events, hooks and clients, and messages by hand."""

from mqtt_sim.inside.client import BrokerClient
from mqtt_sim.inside.message import ConnackSent, ConnectRequest, PublishedMessage, SubscribedTopic
from mqtt_sim.inside.publication import Publication

__all__ = ["BrokerClient", "ConnackSent", "ConnectRequest", "Publication", "PublishedMessage", "SubscribedTopic"]
