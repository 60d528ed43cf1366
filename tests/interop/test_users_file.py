"""Users files that go to and fro between `mqtt-sim adduser` and Mosquitto's own tool and broker."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from outside import mosquitto_with, program

import mqtt_sim
from mqtt_sim.users_file import Rights, add_user, remove_user


def mosquitto_passwd(*arguments: str) -> None:
    subprocess.run([program("mosquitto_passwd"), *arguments], check=True, capture_output=True, timeout=20)


def may_publish(port: int, user: str, password: str, topic: str = "a/b") -> bool:
    command = [program("mosquitto_pub"), "-p", str(port), "-u", user, "-P", password, "-t", topic, "-m", "x", "-q", "1"]
    ended = subprocess.run([*command, "-V", "5"], capture_output=True, timeout=20)
    return ended.returncode == 0 and b"failed" not in ended.stderr  # which is all it says of a refused PUBLISH


@pytest.mark.req("M-33")
def test_mosquitto_takes_the_users_that_we_add(tmp_path: Path) -> None:
    users = tmp_path / "users"
    add_user(str(users), "ann", "geheim")
    add_user(str(users), "bob", "pässwörd", iterations=5000)
    with mosquitto_with(f"allow_anonymous false\npassword_file {users}\n", tmp_path) as port:
        assert may_publish(port, "ann", "geheim")
        assert may_publish(port, "bob", "pässwörd")
        assert not may_publish(port, "ann", "gehein")
        assert not may_publish(port, "carl", "geheim")


@pytest.mark.req("M-33")
def test_our_broker_takes_users_of_both_tools(tmp_path: Path) -> None:
    users, acl = tmp_path / "users", tmp_path / "acl"
    mosquitto_passwd("-b", "-c", str(users), "mona", "lisa")
    add_user(str(users), "ann", "geheim", acl=str(acl), rights=Rights(publish=["a/#"], subscribe=["b/+"]))
    add_user(str(users), "sam", "scram", scram=True, acl=str(acl), rights=Rights(publish=["a/b"]))
    with mqtt_sim.Broker(port=0, users_file=users, acl_file=acl, allow_anonymous=False) as broker:
        assert may_publish(broker.port, "ann", "geheim")
        assert may_publish(broker.port, "sam", "scram")
        assert not may_publish(broker.port, "ann", "geheim", "c/d"), "outside the pattern"
        assert not may_publish(broker.port, "mona", "lisa"), "has no rights"
        assert not may_publish(broker.port, "ann", "falsch")
        remove_user(str(users), "ann", acl=str(acl))
        broker.reload()
        assert not may_publish(broker.port, "ann", "geheim"), "removed, and told by reload"


def test_both_tools_change_one_file(tmp_path: Path) -> None:
    users = tmp_path / "users"
    mosquitto_passwd("-b", "-c", str(users), "mona", "lisa")
    add_user(str(users), "ann", "x")
    mosquitto_passwd("-b", str(users), "ann", "geheim")
    mosquitto_passwd("-D", str(users), "mona")
    assert [line.split(":")[0] for line in users.read_text().splitlines()] == ["ann"]
    with mosquitto_with(f"allow_anonymous false\npassword_file {users}\n", tmp_path) as port:
        assert may_publish(port, "ann", "geheim")
        assert not may_publish(port, "ann", "x")
