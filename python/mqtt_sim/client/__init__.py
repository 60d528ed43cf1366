"""Clients for Python: `Client` for asyncio, `BlockingClient` and `connect()` for scripts and the REPL."""

from mqtt_sim.client.blocking import BlockingClient, connect
from mqtt_sim.client.client import Client
from mqtt_sim.client.delivery import Delivery
from mqtt_sim.client.file_store import FileStore
from mqtt_sim.client.message import Connack, DecodeError, Message, Packet
from mqtt_sim.client.settings import ClientOptions, LastWill, Login
from mqtt_sim.client.store import Change, MemoryStore, SessionStore, StoredPublish, StoredSession
from mqtt_sim.client.streams import MessageStream
from mqtt_sim.client.subscription import Grant

__all__ = [
    "BlockingClient",
    "Change",
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
    "StoredPublish",
    "StoredSession",
    "connect",
]
