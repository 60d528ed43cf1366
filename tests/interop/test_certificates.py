"""The certificates of `mqtt-sim certs`, judged by the openssl command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from installed import installed_broker, mqtt_sim_command
from outside import program


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certs")
    done = mqtt_sim_command("certs", directory, "--name", "broker.example", "--name", "192.0.2.7", "--client", "gate 7")
    assert done.returncode == 0, done.stderr
    return directory


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program("openssl"), *arguments], capture_output=True, text=True, timeout=30)


@pytest.mark.req("X-38")
@pytest.mark.parametrize(
    ("name", "purpose", "host", "problem"),
    [
        ("ca", "any", "", ""),
        ("server", "sslserver", "localhost", ""),
        ("server", "sslserver", "127.0.0.1", ""),
        ("server", "sslserver", "::1", ""),
        ("server", "sslserver", "broker.example", ""),
        ("server", "sslserver", "192.0.2.7", ""),
        ("server", "sslserver", "other.example", "hostname mismatch"),
        ("server", "sslserver", "192.0.2.8", "IP address mismatch"),
        ("server", "sslclient", "", "purpose"),
        ("client", "sslclient", "", ""),
        ("client", "sslserver", "", "purpose"),
        ("gate 7", "sslclient", "", ""),
        ("expired", "sslserver", "localhost", "certificate has expired"),
        ("wrong-host", "sslserver", "wrong-host.invalid", ""),
        ("wrong-host", "sslserver", "localhost", "hostname mismatch"),
    ],
)
def test_openssl_verifies(made: Path, name: str, purpose: str, host: str, problem: str) -> None:
    check = ("-verify_ip" if host.replace(".", "").isdigit() or ":" in host else "-verify_hostname", host)
    done = openssl(
        *("verify", "-x509_strict", "-purpose", purpose, "-CAfile", made / "ca.pem"),
        *(check if host else ()),
        made / f"{name}.pem",
    )
    assert (done.returncode == 0) == (problem == ""), done.stderr
    assert problem in done.stderr


@pytest.mark.req("X-38")
def test_openssl_reads_the_names(made: Path) -> None:
    told = openssl("x509", "-in", made / "server.pem", "-noout", "-ext", "subjectAltName").stdout
    names = "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:broker.example, IP Address:192.0.2.7"
    assert told.splitlines()[1].strip() == names


def test_openssl_reads_the_common_name_of_a_client(made: Path) -> None:
    assert openssl("x509", "-in", made / "gate 7.pem", "-noout", "-subject").stdout == "subject=CN = gate 7\n"


@pytest.mark.parametrize("name", ["ca", "server", "client", "expired", "wrong-host", "gate 7"])
def test_openssl_finds_that_each_key_fits(made: Path, name: str) -> None:
    of_certificate = openssl("x509", "-in", made / f"{name}.pem", "-noout", "-pubkey").stdout
    assert of_certificate == openssl("pkey", "-in", made / f"{name}-key.pem", "-pubout").stdout != ""


@pytest.mark.req("X-38")
def test_the_two_commands_that_it_says_work(tmp_path: Path) -> None:
    told = mqtt_sim_command("certs", tmp_path).stdout.splitlines()
    ours, theirs = (line.split() for line in told[-2:])
    assert ours[:2] == ["mqtt-sim", "broker"]
    with installed_broker(*ours[2:], "--port", "0") as broker:
        there = [str(broker.ports[""]) if word == "1883" else word for word in theirs]
        done = subprocess.run([program(there[0]), *there[1:]], capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_broker_makes_the_certificates_that_are_not_there(tmp_path: Path) -> None:
    with installed_broker("--certs", tmp_path / "new", "--port", "0"):
        assert (tmp_path / "new" / "server.pem").is_file()
    made = (tmp_path / "new" / "server.pem").read_text()
    with installed_broker("--certs", tmp_path / "new", "--port", "0"):
        assert (tmp_path / "new" / "server.pem").read_text() == made, "the next one takes them as they are"


def test_a_broker_names_the_certificate_that_is_missing(tmp_path: Path) -> None:
    assert mqtt_sim_command("certs", tmp_path).returncode == 0
    (tmp_path / "server-key.pem").unlink()
    done = mqtt_sim_command("broker", "--certs", tmp_path, "--port", "0")
    assert done.returncode == 106
    assert done.stderr == (
        f"mqtt-sim: {tmp_path}/server-key.pem: is missing beside the other certificates; make them anew: "
        f"mqtt-sim certs {tmp_path} --force\n"
    )
