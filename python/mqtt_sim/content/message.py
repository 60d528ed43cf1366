"""MessageContext: what a payload or topic function knows of the message that it is asked for."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cached_property
from typing import Any


class Speaker:
    """One publishing client, as its messages know it."""

    def __init__(self, group: str, index: int, size: int, client_id: str, seed: int) -> None:
        self.group = group
        self.index = index
        self.size = size
        self.client_id = client_id
        self._seed = seed

    @cached_property
    def random(self) -> random.Random:
        """Its own chance, made when somebody wants it."""
        return random.Random(f"{self._seed}/{self.group}/{self.index}")

    def __str__(self) -> str:
        return f'group {self.group}, client {self.index} ("{self.client_id}")'


class MessageContext:
    """One message that is to be sent. The function is called ahead of time: by about half a second, or 64 messages in
    virtual time.
    """

    __slots__ = ("_speaker", "arguments", "seq", "time", "topic")

    def __init__(self, speaker: Speaker, seq: int, time: float, topic: str, arguments: Mapping[str, Any]) -> None:
        self._speaker = speaker
        self.seq = seq
        """Its number, from 0 on for each client."""
        self.time = time
        """When it is to leave, in seconds since the run began; at the rate "max" when it was asked for."""
        self.topic = topic
        """Where it goes; empty while a function is asked just that."""
        self.arguments = arguments
        """What the scenario says in "arguments"."""

    @property
    def group(self) -> str:
        """Name of the group."""
        return self._speaker.group

    @property
    def index(self) -> int:
        """Number of the client in its group, from 0 on."""
        return self._speaker.index

    @property
    def size(self) -> int:
        """How many clients the group has."""
        return self._speaker.size

    @property
    def client_id(self) -> str:
        """Identifier of the client."""
        return self._speaker.client_id

    @property
    def random(self) -> random.Random:
        """The client's own chance, which follows from the scenario's seed."""
        return self._speaker.random

    def __repr__(self) -> str:
        return f"<MessageContext of {self._speaker}, message {self.seq}>"
