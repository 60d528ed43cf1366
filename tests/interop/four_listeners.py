"""Brokers of others, each with a listener for every scheme: Mosquitto and aedes, and the certificates that they show.

The certificates are made by the openssl command, so that ours and theirs meet on what neither of us wrote.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from outside import free_port, program, wait_for_listener

SCHEMES = ("tcp", "tls", "ws", "wss")
URL_SCHEMES = {"tcp": "mqtt", "tls": "mqtts", "ws": "ws", "wss": "wss"}
PEERS = Path(__file__).resolve().parent / "peers"
NODE_MODULES = PEERS.parents[2] / "build" / "node" / "node_modules"


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, what it gave a server on loopback, and an authority that signed nothing."""

    ca: Path
    certificate: Path
    key: Path
    foreign_ca: Path


def make_certificates(folder: Path) -> Certificates:
    """All of P-256, good for a day."""
    made = Certificates(*(folder / f"{name}.pem" for name in ("ca", "certificate", "key", "foreign_ca")))
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    _openssl("req", "-x509", "-subj", "/CN=authority", "-keyout", folder / "ca_key.pem", "-out", made.ca)
    _openssl("req", "-x509", "-subj", "/CN=stranger", "-keyout", folder / "foreign_key.pem", "-out", made.foreign_ca)
    _openssl(
        *("req", "-x509", "-subj", "/CN=localhost", "-addext", names, "-addext", "basicConstraints=CA:FALSE"),
        *("-CA", made.ca, "-CAkey", folder / "ca_key.pem", "-keyout", made.key, "-out", made.certificate),
    )
    return made


def _openssl(*arguments: str | Path) -> None:
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")
    done = subprocess.run([program("openssl"), *arguments, *kind], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


@contextmanager
def mosquitto_on_four(certificates: Certificates, folder: Path) -> Iterator[dict[str, str]]:
    """URL by scheme of a Mosquitto of our own."""
    ports = {scheme: free_port() for scheme in SCHEMES}
    lines = ["persistence false", "allow_anonymous true", "set_tcp_nodelay true", "max_queued_messages 0"]
    lines += ["user root"] if os.geteuid() == 0 else []  # otherwise it becomes one that may not read our files
    for scheme, port in ports.items():
        lines.append(f"listener {port} 127.0.0.1")
        lines += ["protocol websockets"] if scheme in ("ws", "wss") else []
        if scheme in ("tls", "wss"):
            lines += [f"certfile {certificates.certificate}", f"keyfile {certificates.key}"]
    configuration = folder / "mosquitto.conf"
    configuration.write_text("\n".join(lines) + "\n")
    with (folder / "mosquitto.log").open("wb") as log:
        command = [program("mosquitto"), "-c", str(configuration)]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        for port in ports.values():
            wait_for_listener(port, process)
        yield _urls(ports)
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def aedes_on_four(certificates: Certificates, folder: Path) -> Iterator[dict[str, str]]:
    """URL by scheme of an aedes under Node."""
    command = [program("node"), node_program("aedes_broker.mjs"), certificates.certificate, certificates.key]
    with (folder / "aedes.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line, f"aedes did not start: {(folder / 'aedes.log').read_text()}"
        yield _urls(json.loads(line))
    finally:
        process.kill()
        process.communicate(timeout=10)


def node_program(name: str) -> Path:
    """A program of ours that runs under Node with packages from npm."""
    assert NODE_MODULES.is_dir(), "the clients and brokers from npm are not installed: scripts/setup node"
    return PEERS / name


def _urls(ports: dict[str, int]) -> dict[str, str]:
    paths = {"ws": "/mqtt", "wss": "/mqtt"}
    return {
        scheme: f"{URL_SCHEMES[scheme]}://127.0.0.1:{port}{paths.get(scheme, '')}" for scheme, port in ports.items()
    }
