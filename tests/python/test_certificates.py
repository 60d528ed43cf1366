"""Certificates for trying TLS out: what is written, what is refused, and what Python's own ssl makes of them."""

from __future__ import annotations

import errno
import os
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.certificates import OWN, key_path, make_certificates, own_pems, public_pems
from mqtt_sim.errors import CouldNotRun, UsageError


def files_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def handshake(directory: Path, server: str, *, host: str = "localhost", client: str | None = None) -> dict[str, Any]:
    """A TLS handshake in memory, verified as strictly as Python can; the client's certificate as the server saw it."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(directory / f"{server}.pem", directory / f"{server}-key.pem")
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.verify_flags |= ssl.VERIFY_X509_STRICT
    theirs.load_verify_locations(directory / "ca.pem")
    if client:
        ours.load_verify_locations(directory / "ca.pem")
        ours.verify_flags |= ssl.VERIFY_X509_STRICT
        ours.verify_mode = ssl.CERT_REQUIRED
        theirs.load_cert_chain(directory / f"{client}.pem", directory / f"{client}-key.pem")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_side = ours.wrap_bio(to_server, to_client, server_side=True)
    client_side = theirs.wrap_bio(to_client, to_server, server_hostname=host)
    for _ in range(3):
        for side in (client_side, server_side):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client_side.version() is not None
    assert server_side.version() is not None
    return server_side.getpeercert() or {}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certs") / "new" / "certs"
    mqtt_sim.make_certificates(directory, names=["broker.example", "192.0.2.7"], clients=["sensor-7"])
    return directory


@pytest.mark.req("X-38")
def test_the_whole_set_is_made_in_a_directory_that_was_not_there(made: Path) -> None:
    names = [*OWN, "sensor-7"]
    assert files_in(made) == {f"{name}{part}.pem" for name in names for part in ("", "-key")}


def test_paths_of_the_certificates_are_returned(tmp_path: Path) -> None:
    assert make_certificates(tmp_path) == [tmp_path / f"{name}.pem" for name in OWN]


@pytest.mark.req("X-38")
def test_keys_are_readable_by_their_owner_alone(made: Path) -> None:
    for path in made.iterdir():
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0 if path.name.endswith("-key.pem") else mode & 0o400


@pytest.mark.req("X-38")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "broker.example", "192.0.2.7"])
def test_strict_verification_takes_the_server(made: Path, host: str) -> None:
    handshake(made, "server", host=host)


@pytest.mark.req("X-38")
@pytest.mark.parametrize(
    ("server", "host", "problem"),
    [
        ("server", "other.example", "Hostname mismatch"),
        ("wrong-host", "localhost", "Hostname mismatch"),
        ("wrong-host", "127.0.0.1", "IP address mismatch"),
        ("expired", "localhost", "certificate has expired"),
        ("client", "localhost", "unsupported certificate purpose|unsuitable certificate purpose"),
    ],
)
def test_strict_verification_refuses(made: Path, server: str, host: str, problem: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=problem):
        handshake(made, server, host=host)


@pytest.mark.parametrize("name", ["client", "sensor-7"])
def test_a_client_is_known_by_its_name(made: Path, name: str) -> None:
    seen = handshake(made, "server", client=name)
    assert seen["subject"] == ((("commonName", name),),)


def test_a_server_is_no_client(made: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
        handshake(made, "server", client="expired")


def test_every_set_has_an_authority_of_its_own(tmp_path: Path, made: Path) -> None:
    make_certificates(tmp_path)
    (tmp_path / "ca.pem").write_bytes((made / "ca.pem").read_bytes())
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path, "server")


def test_days_are_how_long_they_are_good(tmp_path: Path) -> None:
    make_certificates(tmp_path, days=3)
    for name in ("ca", "server", "client", "wrong-host"):
        decoded = ssl._ssl._test_decode_cert(tmp_path / f"{name}.pem")  # type: ignore[attr-defined]
        begin, end = (ssl.cert_time_to_seconds(decoded[at]) for at in ("notBefore", "notAfter"))
        assert end - begin == 3 * 24 * 60 * 60 + 60 * 60


def test_the_public_server_is_signed_by_the_public_authority(tmp_path: Path) -> None:
    for name, (certificate, key) in public_pems().items():
        (tmp_path / f"{name}.pem").write_text(certificate)
        key_path(tmp_path, name).write_text(key)
    (tmp_path / "public-ca.pem").rename(tmp_path / "ca.pem")
    handshake(tmp_path, "public-server")


@pytest.mark.req("X-38")
def test_files_that_are_there_are_kept(tmp_path: Path) -> None:
    kept = tmp_path / "server-key.pem"
    kept.write_text("precious")
    with pytest.raises(CouldNotRun) as error:
        make_certificates(tmp_path)
    assert str(error.value) == f"{kept}: there already; take another directory, or replace them with --force"
    assert files_in(tmp_path) == {"server-key.pem"}
    assert kept.read_text() == "precious"


def test_a_link_that_leads_nowhere_counts_as_there(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CouldNotRun, match=r"ca\.pem: there already"):
        make_certificates(tmp_path)


def test_force_replaces_them_and_closes_their_modes(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    before = (tmp_path / "server.pem").read_text()
    (tmp_path / "server-key.pem").chmod(0o644)
    make_certificates(tmp_path, force=True)
    assert (tmp_path / "server.pem").read_text() != before
    assert stat.S_IMODE((tmp_path / "server-key.pem").stat().st_mode) == 0o600
    handshake(tmp_path, "server")


def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_certificates(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    writes = iter(range(100))

    def full(handle: int) -> None:
        if next(writes) == 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CouldNotRun, match=": certificates cannot be written there: No space left on device"):
        make_certificates(tmp_path, force=True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_directory_that_cannot_be_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CouldNotRun) as error:
        make_certificates(tmp_path / place)
    assert str(error.value).startswith(f"{tmp_path / place}: certificates cannot be written there: ")
    assert error.value.exit_code == 106


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CouldNotRun, match="cannot be written there: Permission denied"):
        make_certificates(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"names": ["a b"]}, 'name "a b": neither an address nor a DNS name'),
        ({"names": ["256.0.0.1"]}, 'name "256.0.0.1": neither an address nor a DNS name'),
        ({"clients": ["a/b"]}, 'client "a/b": cannot be a file name'),
        ({"clients": [""]}, 'client "": cannot be a file name'),
        ({"clients": [".."]}, r'client "..": cannot be a file name'),
        ({"clients": ["server"]}, 'client "server": another certificate or key has this name'),
        ({"clients": ["ca-key"]}, 'client "ca-key": another certificate or key has this name'),
        ({"clients": ["x", "x"]}, 'client "x": another certificate or key has this name'),
        ({"clients": ["x" * 65]}, f'common name "{"x" * 65}": must be 1 to 64 bytes of UTF-8'),
        ({"days": 0}, "certificates cannot be good for 0 days; take 1 to 36500"),
        ({"days": 36_501}, "certificates cannot be good for 36501 days; take 1 to 36500"),
    ],
)
def test_what_no_certificate_can_hold_is_refused(wrong: dict[str, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        make_certificates(tmp_path, **wrong)
    assert problem in str(error.value)
    assert files_in(tmp_path) == set()


def test_in_memory_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pems = own_pems()
    assert list(pems) == list(OWN)
    assert all(key.startswith("-----BEGIN PRIVATE KEY-----\n") for _, key in pems.values())
    assert files_in(tmp_path) == set()


# ---- the command


@pytest.mark.req("X-38")
def test_command_tells_what_it_made_and_what_to_try(cli: Callable[..., Any], tmp_path: Path) -> None:
    ended = cli("certs", str(tmp_path / "c"), "--name", "broker.example", "--client", "sensor-7", "--days", "30")
    assert ended.exit_code == 0, ended.err
    for words in (
        "server.pem       for localhost, 127.0.0.1, ::1, broker.example\n",
        "sensor-7.pem     a client named sensor-7\n",
        "wrong-host.pem   for wrong-host.invalid only\n",
        f"  mqtt-sim broker --certs {tmp_path}/c\n",
        f"  mosquitto_pub --cafile {tmp_path}/c/ca.pem -h localhost -p 1883 -t hello -m world\n",
    ):
        assert words in ended.out


def test_command_replaces_only_when_told(cli: Callable[..., Any], tmp_path: Path) -> None:
    assert cli("certs", str(tmp_path)).exit_code == 0
    again = cli("certs", str(tmp_path))
    assert again.exit_code == 106
    assert again.err == (
        f"mqtt-sim: {tmp_path}/ca-key.pem and 9 more: there already; take another directory, or replace them with"
        " --force\n"
    )
    assert cli("certs", str(tmp_path), "--force").exit_code == 0


def test_command_refuses_wrong_names_with_the_usage_code(cli: Callable[..., Any], tmp_path: Path) -> None:
    ended = cli("certs", str(tmp_path), "--name", "a b")
    assert (ended.exit_code, ended.err) == (2, 'mqtt-sim: name "a b": neither an address nor a DNS name\n')
