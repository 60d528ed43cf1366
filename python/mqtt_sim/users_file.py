"""Users and their rights in the files that the embedded broker and Mosquitto read: added, changed, and taken out.

A password is kept as mosquitto_passwd keeps it (`$7$`, PBKDF2-HMAC-SHA512), on wish also for SCRAM-SHA-256. Lines of
others, comments, mode and owner of a file stay as they are.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mqtt_sim.errors import CouldNotRun, UsageError
from mqtt_sim.suggestion import did_you_mean
from mqtt_sim.whole_files import only_one_writer, rewrite_whole

USUAL_ITERATIONS = 101
MOST_ITERATIONS = 1_000_000
SCRAM_ITERATIONS = 4096
LONGEST = 65_535
SIZE_LIMIT = 64 * 1024 * 1024
LOCK_WAIT_S = 10.0

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True)
class Rights:
    """Filters of the topics that a user may publish to, and of those it may read."""

    publish: Sequence[str] = ()
    subscribe: Sequence[str] = ()

    def lines(self, name: str) -> list[str]:
        """As an access list has them."""
        both = [one for one in self.publish if one in self.subscribe]
        return [
            f"user {name}\n",
            *(f"topic readwrite {one}\n" for one in both),
            *(f"topic write {one}\n" for one in self.publish if one not in both),
            *(f"topic read {one}\n" for one in self.subscribe if one not in both),
        ]


def add_user(
    file: str,
    name: str,
    password: str,
    *,
    iterations: int = USUAL_ITERATIONS,
    scram: bool = False,
    acl: str | None = None,
    rights: Rights | None = None,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> bool:
    """Adds a user or gives it a new password (and new rights); whether it is new. Raises UsageError, CouldNotRun."""
    _check_name(name)
    _check_password(password)
    if not 1 <= iterations <= MOST_ITERATIONS:
        raise UsageError(f"--iterations {iterations}: should be from 1 to {MOST_ITERATIONS}")
    made = [f"{name}:{password_hash(password, random_bytes(12), iterations)}\n"]
    if scram:
        made.append(f"{name}:{scram_secret(password, random_bytes(16))}\n")
    for pattern in (*rights.publish, *rights.subscribe) if rights else ():
        _check_filter(pattern)
    with _changing(file, acl) as texts:
        lines = texts[file]
        place = next((number for number, line in enumerate(lines) if _user_of(line) == name), len(lines))
        others = [line for line in lines if _user_of(line) != name]
        texts[file] = _joined(others[:place], made, others[place:])
        if acl is not None and rights is not None:
            texts[acl] = _joined(_without_section(texts[acl], name), rights.lines(name), [])
    return place == len(lines)


def remove_user(file: str, name: str, *, acl: str | None = None) -> None:
    """Takes a user out, and its section of the access list. Raises UsageError when there is none of that name."""
    with _changing(file, acl) as texts:
        lines = texts[file]
        names = [user for line in lines if (user := _user_of(line)) is not None]
        if name not in names:
            known = did_you_mean(name, names) if names else "it holds no user"
            raise UsageError(f'{file}: there is no user "{name}"; {known}')
        texts[file] = [line for line in lines if _user_of(line) != name]
        if acl is not None:
            texts[acl] = _without_section(texts[acl], name)


# ---- passwords


def password_hash(password: str, salt: bytes, iterations: int = USUAL_ITERATIONS) -> str:
    """`$7$<iterations>$<salt>$<hash>`."""
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    return f"$7${iterations}${_base64(salt)}${_base64(made)}"


def scram_secret(password: str, salt: bytes, iterations: int = SCRAM_ITERATIONS) -> str:
    """`SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` (RFC 5802, 3)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    return f"SCRAM-SHA-256${iterations}:{_base64(salt)}${_base64(stored_key)}:{_base64(server_key)}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _check_name(name: str) -> None:
    told = f"user name {name[:60]!r}: "
    if not name:
        raise UsageError("a user name is empty")
    if len(name.encode(errors="surrogatepass")) > LONGEST:
        raise UsageError(f"{told}is longer than {LONGEST} bytes")
    if ":" in name:
        raise UsageError(f"{told}has a colon, which ends the name in a users file; leave it out")
    if name != name.strip() or name.startswith("#"):
        raise UsageError(f"{told}begins or ends with white space, or begins with #; a users file cannot hold it")
    if any(sign < " " or sign == "\x7f" or "\ud800" <= sign <= "\udfff" for sign in name):
        raise UsageError(f"{told}has a control character or is not UTF-8")


def _check_password(password: str) -> None:
    if not password:
        raise UsageError("the password is empty; type one, or give its first line by --password-file")
    if len(password.encode(errors="surrogatepass")) > LONGEST:
        raise UsageError(f"the password is longer than {LONGEST} bytes, the most that MQTT can carry")
    if any("\ud800" <= sign <= "\udfff" for sign in password):
        raise UsageError("the password is not UTF-8")


def _check_filter(text: str) -> None:
    levels = text.split("/")
    is_filter = (
        bool(text)
        and text == text.strip()
        and all(sign >= " " for sign in text)
        and all(level == "+" or "+" not in level for level in levels)
        and all("#" not in level for level in levels[:-1])
        and (levels[-1] == "#" or "#" not in levels[-1])
    )
    if not is_filter:
        raise UsageError(f'"{text}" is no topic filter; write for example rooms/+/light or rooms/#')


# ---- lines


def _user_of(line: str) -> str | None:
    name, colon, _ = line.partition(":")
    return name.strip() if colon and not line.startswith("#") else None


def _without_section(lines: Iterable[str], name: str) -> list[str]:
    """Without `user NAME` and the topic lines below it; comments and patterns, which are for everybody, stay."""
    kept, is_inside = [], False
    for line in lines:
        word, _, rest = line.strip().partition(" ")
        if word == "user":
            is_inside = rest.strip() == name
        if not (is_inside and word in ("user", "topic")):
            kept.append(line)
    return kept


def _joined(*parts: Sequence[str]) -> list[str]:
    lines = [line for part in parts for line in part]
    return [line if line.endswith("\n") else line + "\n" for line in lines]


# ---- files


@contextmanager
def _changing(file: str, acl: str | None) -> Iterator[dict[str, list[str]]]:
    """The lines of the files by name, to be changed; written back together, while nobody else does the same."""
    names = [file] if acl is None else [file, acl]
    targets = {name: Path(os.path.realpath(name)) for name in names}
    try:
        with only_one_writer(targets[file].parent, LOCK_WAIT_S) as is_free:
            if not is_free:
                raise CouldNotRun(f"{file}: another command has been changing it for {LOCK_WAIT_S:.0f} s", kind="users")
            texts = {name: _read_lines(name, target) for name, target in targets.items()}
            before = {name: list(lines) for name, lines in texts.items()}
            yield texts
            changed = [name for name in names if texts[name] != before[name]]
            rewrite_whole([(targets[name], "".join(texts[name])) for name in changed])
    except OSError as error:
        raise CouldNotRun(f"{error.filename or file}: {error.strerror}; nothing was changed", kind="users") from None


def _read_lines(name: str, target: Path) -> list[str]:
    if not target.exists():
        return []
    if not target.is_file():
        raise UsageError(f"{name}: is no regular file")
    data = target.read_bytes()
    if len(data) > SIZE_LIMIT:
        raise UsageError(f"{name}: is larger than 64 MiB; this is no users file")
    try:
        return list(io.StringIO(data.decode("utf-8"), newline="\n"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{name}:{line}: is not UTF-8; nothing was changed") from None
