"""`mqtt-sim adduser` and `rmuser`: what stands in the files afterwards, and what is left as it was."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import os
import pty
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mqtt_sim import users_file
from mqtt_sim.users_file import Rights, add_user, password_hash, remove_user, scram_secret
from mqtt_sim.whole_files import only_one_writer

Cli = Callable[..., Any]

# Made by mosquitto_passwd 2.0.11 for the password "secret".
MOSQUITTO_HASH = (
    "$7$101$D0MAk6aXeMCQcfX9$PprDvixRFgd1/DfDMKTNt7RsSOMJ7Q/xVOJTn0AADr6yevUEVZXUDoZzkItTg3tvUFZiS0rk0bm3Mq+Nu5IsbQ=="
)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """What comes by standard input."""

    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False))

    return give


@pytest.fixture
def users(tmp_path: Path) -> Path:
    return tmp_path / "passwords.txt"


# ---- passwords


def test_hash_is_that_of_mosquitto_passwd() -> None:
    assert password_hash("secret", base64.b64decode("D0MAk6aXeMCQcfX9")) == MOSQUITTO_HASH


def test_scram_secret_fits_the_exchange_of_the_rfc() -> None:
    """The proof that RFC 7677 prints leads back to our StoredKey, its server signature from our ServerKey."""
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    kept = scram_secret("pencil", salt, 4096)
    assert kept.startswith("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$")
    stored, server = (base64.b64decode(part) for part in kept.split("$")[2].split(":"))
    message = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    signature = hmac.digest(stored, message, "sha256")
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    assert hashlib.sha256(client_key).digest() == stored
    assert base64.b64encode(hmac.digest(server, message, "sha256")) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_every_user_has_a_salt_of_its_own(users: Path) -> None:
    for name in ("ann", "bob"):
        add_user(str(users), name, "same")
    first, second = (line.split("$")[3] for line in users.read_text().splitlines())
    assert first != second


# ---- adduser


@pytest.mark.req("M-33")
def test_adduser_takes_the_password_from_standard_input(cli: Cli, typed: Callable[[bytes], None], users: Path) -> None:
    typed(b"secret\r\nmore\n")
    assert cli("adduser", str(users), "ann") == (0, f"{users}: added ann\n", "")
    name, _, kept = users.read_text().rstrip("\n").partition(":")
    salt, iterations = kept.split("$")[3], int(kept.split("$")[2])
    assert (name, password_hash("secret", base64.b64decode(salt), iterations)) == ("ann", kept)
    assert stat.S_IMODE(users.stat().st_mode) == 0o600


def test_adduser_takes_the_first_line_of_a_file(cli: Cli, users: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("pass word \nother\n")
    assert cli("adduser", str(users), "ann", "--password-file", str(secret), "--iterations", "7").exit_code == 0
    kept = users.read_text().strip().partition(":")[2]
    assert kept == password_hash("pass word ", base64.b64decode(kept.split("$")[3]), 7)


def test_adduser_warns_of_a_password_on_the_command_line(cli: Cli, users: Path) -> None:
    ended = cli("adduser", str(users), "ann", "--password", "x")
    assert ended.exit_code == 0
    assert "can be read by other users" in ended.err


def test_adduser_asks_twice_on_a_terminal(users: Path) -> None:
    def ask(first: str, second: str) -> tuple[int, str]:
        process, terminal = pty.fork()
        if process == 0:
            os.execv(sys.executable, [sys.executable, "-m", "mqtt_sim", "adduser", str(users), "ann"])
        text = ""
        for question, answer in (("Password: ", first), ("Again: ", second)):
            while question not in text:
                text += os.read(terminal, 1024).decode()
            os.write(terminal, f"{answer}\n".encode())
        while True:
            try:
                text += os.read(terminal, 1024).decode()
            except OSError:
                break
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), text

    exit_code, text = ask("hidden", "hiden")
    assert exit_code == 2
    assert "the two passwords differ; nothing was changed" in text
    assert not users.exists()
    exit_code, text = ask("hidden", "hidden")
    assert exit_code == 0
    assert "hidden" not in text
    assert users.read_text().startswith("ann:$7$101$")


def test_new_password_stays_in_its_place_and_all_else_as_it_was(users: Path) -> None:
    users.write_bytes("# ours\r\n\nann:$6$old$\n  bob :plain\nann:SCRAM-SHA-256$old\nzoë:x\u2028y".encode())
    assert add_user(str(users), "ann", "new", scram=True) is False
    lines = users.read_bytes().decode().split("\n")
    assert lines[:2] == ["# ours\r", ""]
    assert lines[2].startswith("ann:$7$101$")
    assert lines[3].startswith("ann:SCRAM-SHA-256$4096:")
    assert lines[4:] == ["  bob :plain", "zoë:x\u2028y", ""]
    assert add_user(str(users), "bob", "new") is False
    assert add_user(str(users), "carl", "new") is True
    assert [line.split(":")[0] for line in users.read_text().split("\n")[4:]] == ["bob", "zoë", "carl", ""]


def test_mode_stays_and_a_link_leads_to_the_file(users: Path, tmp_path: Path) -> None:
    users.write_text("")
    users.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(users.name)
    add_user(str(link), "ann", "x")
    assert link.is_symlink()
    assert stat.S_IMODE(users.stat().st_mode) == 0o640
    assert users.read_text().startswith("ann:")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "passwords.txt"], "nothing is left behind"


@pytest.mark.req("M-33")
def test_rights_become_a_section_of_the_access_list(
    cli: Cli, typed: Callable[[bytes], None], users: Path, tmp_path: Path
) -> None:
    acl = tmp_path / "acl.txt"
    acl.write_text("topic read news/#\n\nuser bob\ntopic all\n\nuser ann\n# hers\ntopic read old\npattern read %u/#")
    typed(b"secret\n")
    rights = ["--publish", "a/#", "--publish", "both", "--subscribe", "b/+", "--subscribe", "both"]
    assert cli("adduser", str(users), "ann", "--acl", str(acl), *rights).exit_code == 0
    assert acl.read_text().splitlines() == [
        "topic read news/#",
        "",
        "user bob",
        "topic all",
        "",
        "# hers",
        "pattern read %u/#",
        "user ann",
        "topic readwrite both",
        "topic write a/#",
        "topic read b/+",
    ]
    assert cli("rmuser", str(users), "ann", "--acl", str(acl)) == (0, f"{users}: removed ann\n", "")
    assert acl.read_text().endswith("topic all\n\n# hers\npattern read %u/#\n")
    assert users.read_text() == ""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "a user name is empty"),
        ("a:b", "has a colon"),
        (" a", "begins or ends with white space"),
        ("a ", "begins or ends with white space"),
        ("#a", "begins with #"),
        ("a\nb", "has a control character"),
        ("a\udcff", "is not UTF-8"),
        ("a" * 65_536, "is longer than 65535 bytes"),
    ],
)
def test_name_that_the_file_cannot_hold_is_refused(users: Path, name: str, told: str) -> None:
    with pytest.raises(users_file.UsageError, match=told):
        add_user(str(users), name, "x")
    assert not users.exists()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\n", "the password is empty"),
        (b"", "the password is empty"),
        (b"\xff\n", "the password is not UTF-8"),
        (b"x" * 65_536, "the password is longer than 65535 bytes"),
    ],
)
def test_password_that_cannot_be_one_is_refused(
    cli: Cli, typed: Callable[[bytes], None], users: Path, data: bytes, told: str
) -> None:
    typed(data)
    ended = cli("adduser", str(users), "ann")
    assert (ended.exit_code, ended.out) == (2, "")
    assert told in ended.err
    assert not users.exists()


@pytest.mark.parametrize("text", ["", "a/#/b", "a#", "a+/b", "a\n", " a"])
def test_filter_that_is_none_is_refused(users: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(users_file.UsageError, match="is no topic filter"):
        add_user(str(users), "ann", "x", acl=str(tmp_path / "acl"), rights=Rights(publish=[text]))
    assert not users.exists()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (["adduser", "{users}", "ann", "--publish", "a"], 2, "rights need both a list and topics"),
        (["adduser", "{users}", "ann", "--acl", "a"], 2, "rights need both a list and topics"),
        (["adduser", "{users}", "ann", "--password", "a", "--password-file", "b"], 2, "not both"),
        (["adduser", "{users}", "ann", "--password-file", "nowhere"], 2, "--password-file nowhere: No such file"),
        (["adduser", "{users}", "ann", "--iterations", "0"], 2, "--iterations 0: should be from 1 to 1000000"),
        (["adduser", "nowhere/x", "ann"], 106, "nowhere: No such file or directory; nothing was changed"),
        (["adduser", "/dev/null", "ann"], 2, "/dev/null: is no regular file"),
        (["rmuser", "{users}", "ann"], 2, 'there is no user "ann"; it holds no user'),
        (["rmuser", "{bob}", "bbo"], 2, 'there is no user "bbo"; did you mean "bob"?'),
        (["rmuser", "{latin}", "bob"], 2, ":2: is not UTF-8; nothing was changed"),
    ],
)
def test_wrong_use_is_told(
    cli: Cli,
    typed: Callable[[bytes], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    exit_code: int,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bob").write_text("bob:x\n")
    (tmp_path / "latin").write_bytes(b"bob:x\n\xe9:x\n")
    places = {f"{{{name}}}": str(tmp_path / name) for name in ("users", "bob", "latin")}
    typed(b"secret\n")
    ended = cli(*(places.get(argument, argument) for argument in arguments))
    assert (ended.exit_code, ended.out) == (exit_code, "")
    assert told in ended.err
    assert not (tmp_path / "users").exists()


# ---- two at once


def test_many_at_once_lose_no_user(users: Path) -> None:
    threads = [threading.Thread(target=add_user, args=(str(users), f"user-{number}", "x")) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(line.split(":")[0] for line in users.read_text().splitlines()) == sorted(
        f"user-{number}" for number in range(20)
    )


def test_two_processes_lose_no_user(users: Path) -> None:
    command = [sys.executable, "-m", "mqtt_sim", "adduser", str(users), "--password-file", "-"]
    running = [
        subprocess.Popen([*command, f"user-{number}"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for number in range(4)
    ]
    for process in running:
        process.communicate(b"secret\n", timeout=30)
    assert [process.returncode for process in running] == [0] * 4
    assert len(users.read_text().splitlines()) == 4


def test_waiting_for_another_ends(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users_file, "LOCK_WAIT_S", 0.05)
    with only_one_writer(users.parent, 0) as is_free:
        assert is_free
        with pytest.raises(users_file.CouldNotRun, match="another command has been changing it"):
            remove_user(str(users), "ann")
    add_user(str(users), "ann", "x")


def test_full_disk_changes_nothing(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_user(str(users), "ann", "x")
    before = users.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(users_file.CouldNotRun, match="No space left on device; nothing was changed"):
        add_user(str(users), "bob", "x")
    assert users.read_bytes() == before
    assert [path.name for path in users.parent.iterdir()] == [users.name]
