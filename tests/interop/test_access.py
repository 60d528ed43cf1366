"""One users file and one access list at two brokers: the embedded one lets through what Mosquitto lets through."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from outside import mosquitto_with, program
from raw_mqtt import (
    CONNACK,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBLISH,
    V5,
    RawClient,
    connect,
    packet,
    publish,
    subscribe,
)

import mqtt_sim

USERS = ("admin", "anna", "bert", "an+na", "other")
ACCESS = """
# for clients without a user name
topic read news/#
topic readwrite anon/+/in

user admin
topic readwrite #

user anna
topic crew/#
topic read a/#
topic deny a/secret/#
topic write own

user bert
topic read spaced topic/x

pattern readwrite c/%c/#
pattern read p/%u/#
pattern write mix/%u-%c
"""
CLIENTS = [(None, "id1"), ("anna", "id1"), ("anna", "a+b"), ("anna", "#"), ("bert", "id1"), ("an+na", "id1")]
CLIENTS += [("other", "id1"), ("anna", "a/b")]
TOPICS = ("news", "news/a", "anon/1/in", "anon/1/out", "p/anna", "p/anna/a", "p/other/x", "p/secret", "c/id1/x")
TOPICS += ("c/a/b/x", "c/z", "mix/anna-id1", "mix/-id1", "crew/base", "a", "a/x", "a/secret/in", "spaced topic/x")
TOPICS += ("own", "z")


class Probe:
    """A connected client that tells what it may do."""

    def __init__(self, port: int, user: str | None, client_id: str) -> None:
        self.client = RawClient(port)
        self.client.send(connect(client_id, V5, user=user, password=b"pw" if user else None))
        frame = self.client.receive()
        assert frame is not None
        assert (frame.kind, frame.body[1]) == (CONNACK, 0), f"{user} {client_id}"

    def hear(self) -> set[str]:
        """The topics that arrived until now."""
        self.client.send(packet(PINGREQ))
        heard = set()
        while (frame := self.client.receive()) is not None and frame.kind != PINGRESP:
            if frame.kind == PUBLISH:
                heard.add(frame.topic)
        return heard

    def subscribe(self, filters: tuple[str, ...]) -> None:
        """One request for each filter: some brokers refuse a whole one."""
        for number, topic_filter in enumerate(filters, 1):
            self.client.send(subscribe(number, [(topic_filter, 0)], V5))

    def may_publish(self, topic: str) -> bool:
        """Whether the broker takes a message."""
        self.client.send(publish(topic, b"x", qos=1, packet_id=1, level=V5))
        while (frame := self.client.receive()) is not None:
            if frame.kind == PUBACK:
                return len(frame.body) < 3 or frame.body[2] < 0x80
        return False


def outcomes(port: int) -> dict[tuple[str, str, str], set[str]]:
    """For each client what it may write, what it hears by name and what through '#'."""
    found = {}
    admin = Probe(port, "admin", "the-admin")
    for user, client_id in CLIENTS:
        probe = Probe(port, user, client_id)
        found[str(user), client_id, "write"] = {topic for topic in TOPICS if probe.may_publish(topic)}
        probe.client.close()
        for how, filters in (("read", TOPICS), ("read by #", ("#",))):
            reader = Probe(port, user, client_id)
            reader.subscribe(filters)
            reader.hear()
            for topic in TOPICS:
                assert admin.may_publish(topic)
            found[str(user), client_id, how] = reader.hear()
            reader.client.close()
    admin.client.close()
    return found


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A password file of the real mosquitto_passwd, and the access list."""
    folder = tmp_path_factory.mktemp("access")
    users, access = folder / "users", folder / "access"
    users.touch(0o600)
    for user in USERS:
        subprocess.run([program("mosquitto_passwd"), "-b", str(users), user, "pw"], check=True, capture_output=True)
    users.chmod(0o644)
    access.write_text(ACCESS)
    return users, access


@pytest.mark.req("X-15")
def test_the_same_files_give_the_same_rights(files: tuple[Path, Path], tmp_path: Path) -> None:
    users, access = files
    settings = f"allow_anonymous true\npassword_file {users}\nacl_file {access}\n"
    with mosquitto_with(settings, tmp_path) as other, mqtt_sim.Broker(users_file=users, acl_file=access) as broker:
        assert outcomes(broker.port) == outcomes(other)


@pytest.mark.parametrize(("user", "password"), [("anna", b"wrong"), ("nobody", b"pw"), ("anna", b"")])
def test_who_cannot_show_a_password_is_refused(files: tuple[Path, Path], user: str, password: bytes) -> None:
    """[MQTT-3.1.4-2]: 3.1.1 says 4, bad user name or password."""
    with mqtt_sim.Broker(users_file=files[0]) as broker, RawClient(broker.port) as client:
        client.send(connect("x", user=user, password=password))
        assert [frame.body[1] for frame in client.receive_until_end()] == [4]


def test_new_files_are_used_after_reload_and_bad_ones_are_not(files: tuple[Path, Path], tmp_path: Path) -> None:
    access = tmp_path / "access"
    access.write_text("topic write a\n")
    with mqtt_sim.Broker(acl_file=access) as broker:
        probe = Probe(broker.port, None, "x")
        assert (probe.may_publish("a"), probe.may_publish("b")) == (True, False)
        access.write_text("topic write b\n")
        broker.reload()
        assert (probe.may_publish("a"), probe.may_publish("b")) == (False, True)
        access.write_text("topic perhaps b/#/c\n")
        with pytest.raises(mqtt_sim.MqttSimError, match="line 1"):
            broker.reload()
        assert (probe.may_publish("a"), probe.may_publish("b")) == (False, True)
        probe.client.close()
