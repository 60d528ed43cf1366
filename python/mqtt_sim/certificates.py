"""Certificates for trying TLS out, without tears: an authority and what it issues, good ones and bad ones.

    make_certificates("certs")
    mqtt_sim.Broker(tls={"certificate": "certs/server.pem", "key": "certs/server-key.pem"})

Every NAME.pem has its NAME-key.pem beside it:

    ca          the authority; clients trust ca.pem
    server      for localhost, 127.0.0.1, ::1 and the names that were asked for
    client      for a client, with the common name "client"; further ones by their names
    expired     like server, but over since yesterday
    wrong-host  for a host that there is not

`public-ca` and `public-server` are another authority and its server, for what should not be signed by ca.pem.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mqtt_sim.engine import load_core
from mqtt_sim.errors import CouldNotRun, UsageError
from mqtt_sim.whole_files import PRIVATE, READABLE, write_whole

DAYS = 397
"""How long certificates are good; browsers take none that is good for longer."""

MOST_DAYS = 36_500

SERVER_NAMES = ("localhost", "127.0.0.1", "::1")
WRONG_HOST = "wrong-host.invalid"
OWN = ("ca", "server", "client", "expired", "wrong-host")
PUBLIC = ("public-ca", "public-server")

_DAY_S = 24 * 60 * 60
_CLOCK_SLACK_S = 60 * 60

Pems = dict[str, tuple[str, str]]
"""Name → certificate and key."""


def make_certificates(
    directory: str | Path,
    *,
    names: Sequence[str] = (),
    clients: Sequence[str] = (),
    days: int = DAYS,
    force: bool = False,
) -> list[Path]:
    """Writes the certificates and their keys, which only the owner can read, and returns the certificates' paths.

    `names`: further host names and addresses of the server. `clients`: common names of further client certificates,
    which are also their file names. Raises UsageError for names that no certificate or file can have, and CouldNotRun
    where the files cannot be written, or are there already and `force` is not said; then nothing has changed.
    """
    pems = own_pems(names=names, clients=clients, days=days)
    write_pems(directory, pems, force=force)
    return [certificate_path(directory, name) for name in pems]


def own_pems(*, names: Sequence[str] = (), clients: Sequence[str] = (), days: int = DAYS) -> Pems:
    """What make_certificates writes, in memory."""
    _check(clients, days)
    server_names = list(dict.fromkeys((*SERVER_NAMES, *names)))
    now = int(time.time())
    authority = _Authority("mqtt-sim test authority", now, days)
    pems = {
        "ca": authority.own,
        "server": authority.issue(server_names[0], server_names),
        "client": authority.issue("client", is_server=False),
        "expired": authority.issue(server_names[0], server_names, (now - 2 * _DAY_S, now - _DAY_S)),
        "wrong-host": authority.issue(WRONG_HOST, [WRONG_HOST]),
    }
    return pems | {name: authority.issue(name, is_server=False) for name in clients}


def public_pems(*, names: Sequence[str] = (), days: int = DAYS) -> Pems:
    """Another authority and a server of it, in memory."""
    server_names = list(dict.fromkeys((*SERVER_NAMES, *names)))
    authority = _Authority("mqtt-sim public authority", int(time.time()), days)
    return {"public-ca": authority.own, "public-server": authority.issue(server_names[0], server_names)}


def certificate_path(directory: str | Path, name: str) -> Path:
    """Where the certificate of that name is in a directory."""
    return Path(directory, f"{name}.pem")


def key_path(directory: str | Path, name: str) -> Path:
    """Where its key is."""
    return Path(directory, f"{name}-key.pem")


def write_pems(directory: str | Path, pems: Pems, *, force: bool = False) -> None:
    """All of them or none. Raises CouldNotRun, also for a file that is there already unless `force`."""
    files = [(certificate_path(directory, name), pem, READABLE) for name, (pem, _) in pems.items()]
    files += [(key_path(directory, name), key, PRIVATE) for name, (_, key) in pems.items()]
    present = sorted(str(path) for path, _, _ in files if os.path.lexists(path))
    if present and not force:
        others = f" and {len(present) - 1} more" if len(present) > 1 else ""
        text = f"{present[0]}{others}: there already; take another directory, or replace them with --force"
        raise CouldNotRun(text, kind="certificates")
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        write_whole(files)
    except OSError as error:
        text = f"{directory}: certificates cannot be written there: {error.strerror}"
        raise CouldNotRun(text, kind="certificates") from None


def ensure_certificates(directory: str | Path, *, names: Sequence[str] = (), with_public: bool = False) -> None:
    """Makes the certificates in a directory that has none. Raises CouldNotRun for one that has only some of them.

    `with_public`: those of the public authority too. `names`: as in make_certificates, for those that are made.
    """
    needed = ("ca", "server", "expired") if with_public else ("ca", "server")
    _ensure(directory, OWN, needed, lambda: own_pems(names=names))
    if with_public:
        _ensure(directory, PUBLIC, ("public-server",), lambda: public_pems(names=names))


def tls_of(directory: str | Path, name: str = "server") -> dict[str, str]:
    """A certificate of a directory as `tls` of a broker or listener."""
    return {"certificate": str(certificate_path(directory, name)), "key": str(key_path(directory, name))}


def _ensure(directory: str | Path, names: Sequence[str], needed: Sequence[str], make: Callable[[], Pems]) -> None:
    files = [path(directory, name) for name in names for path in (certificate_path, key_path)]
    if not any(os.path.lexists(file) for file in files):
        write_pems(directory, make())
        return
    # The authority's key is worth keeping elsewhere; a broker does not need it.
    wanted = [certificate_path(directory, name) for name in needed]
    wanted += [key_path(directory, name) for name in needed if name != "ca"]
    missing = [str(file) for file in wanted if not file.exists()]
    if missing:
        anew = f"mqtt-sim certs {shlex.quote(str(directory))} --force"
        text = f"{missing[0]}: is missing beside the other certificates; make them anew: {anew}"
        raise CouldNotRun(text, kind="certificates")


def _check(clients: Sequence[str], days: int) -> None:
    if not 1 <= days <= MOST_DAYS:
        raise UsageError(f"certificates cannot be good for {days} days; take 1 to {MOST_DAYS}")
    taken = {f"{name}{suffix}" for name in OWN + PUBLIC for suffix in ("", "-key")}
    for name in clients:
        if not name or name.startswith(".") or "/" in name or "\0" in name:
            raise UsageError(f'client "{name}": cannot be a file name; take one without "/" that begins with no "."')
        if name in taken:
            raise UsageError(f'client "{name}": another certificate or key has this name; take another')
        taken |= {name, f"{name}-key"}


class _Authority:
    def __init__(self, common_name: str, now: int, days: int) -> None:
        core = load_core()
        self._run_error = core.RunError
        self._validity = (now - _CLOCK_SLACK_S, now + days * _DAY_S)
        self._authority = core.CertificateAuthority(common_name, *self._validity)

    @property
    def own(self) -> tuple[str, str]:
        certificate, key = self._authority.own()
        return certificate, key

    def issue(
        self,
        common_name: str,
        names: Sequence[str] = (),
        validity: tuple[int, int] | None = None,
        *,
        is_server: bool = True,
    ) -> tuple[str, str]:
        try:
            certificate, key = self._authority.issue(common_name, list(names), is_server, *(validity or self._validity))
        except self._run_error as error:
            raise UsageError(str(error)) from None
        return certificate, key
