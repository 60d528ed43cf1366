"""What hooks answer, in the engine's words."""

from __future__ import annotations

from mqtt_sim.client.message import Message
from mqtt_sim.client.payload import check_size, not_a_topic, payload_bytes
from mqtt_sim.client.properties import encode_properties
from mqtt_sim.client.subscription import check_qos

Verdict = tuple[int, int, str | None, bytes | None, int | None, bool | None, bytes | None]
"""(action, reason, topic, payload, qos, retain, properties); None leaves what is there."""

_PASS, _REFUSE, _DROP, _REWRITE = range(4)
_OF_ONE_HOP = ("topic_alias", "subscription_identifier")

PASS: Verdict = (_PASS, 0, None, None, None, None, None)
DROP: Verdict = (_DROP, 0, None, None, None, None, None)


def refuse(reason: int) -> Verdict:
    """With a reason code of MQTT 5.0."""
    return (_REFUSE, reason, None, None, None, None, None)


def instead(asked: Message, said: Message) -> Verdict:
    """`said` in the place of what was asked about. Raises UsageError when it is no message that can be sent."""
    if said is asked:
        return PASS
    check_size(said.topic, said.payload)
    check_qos(said.qos)
    if not 1 <= len(said.topic.encode(errors="replace")) <= 65_535 or any(sign in said.topic for sign in "+#\0"):
        raise not_a_topic(said.topic)
    properties = None
    if said.property_values != asked.property_values:
        kept = {name: value for name, value in said.properties.items() if name not in _OF_ONE_HOP}
        properties = encode_properties(kept, "publish")
    return (_REWRITE, 0, said.topic, payload_bytes(said.payload), said.qos, bool(said.retain), properties)


def grant_instead(topic: str, qos: int) -> Verdict:
    """Another filter than was asked for."""
    return (_REWRITE, 0, topic, None, qos, None, None)
