"""The ports of the public Mosquitto test host (test.mosquitto.org), on this machine and with certificates of our own.

    with mqtt_sim.Broker(**public_test_options(base_port=0, certificates="certs")) as broker:
        ports = dict(zip(PORTS, broker.ports))

`mqtt-sim broker --profile public-test` does the same. The users are those of that host: rw (password readwrite), ro
(readonly) and wo (writeonly), who may do what their names say; where no user is needed everybody may do everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mqtt_sim.certificates import certificate_path, ensure_certificates, own_pems, public_pems, tls_of
from mqtt_sim.errors import UsageError

PROFILE = "public-test"
USERS = {"rw": "readwrite", "ro": "readonly", "wo": "writeonly"}
ACL_FILE = Path(__file__).with_suffix(".acl")


@dataclass(frozen=True)
class Port:
    """One kind of port; `number` is the one it has on the public host."""

    number: int
    protocol: str = "mqtt"
    certificate: str | None = None
    """What the port shows, by its name in `certificates`; None: no TLS."""
    wants_client_certificate: bool = False
    wants_user: bool = False


PORTS: Mapping[str, Port] = {
    "plain": Port(1883),
    "plain-auth": Port(1884, wants_user=True),
    "tls": Port(8883, certificate="server"),
    "tls-client-certificate": Port(8884, certificate="server", wants_client_certificate=True),
    "tls-auth": Port(8885, certificate="server", wants_user=True),
    "tls-public-ca": Port(8886, certificate="public-server"),
    "tls-expired": Port(8887, certificate="expired"),
    "ws": Port(8080, "websocket"),
    "wss": Port(8081, "websocket", certificate="server"),
    "ws-auth": Port(8090, "websocket", wants_user=True),
    "wss-auth": Port(8091, "websocket", certificate="server", wants_user=True),
}
"""By the names that their listeners have."""


def public_test_options(
    *, base_port: int | None = None, certificates: str | Path | None = None, names: Sequence[str] = ()
) -> dict[str, Any]:
    """Fields of EmbeddedBroker for the eleven ports.

    `base_port`: the first of eleven ports in a row, or 0 for any free ones; None: those of the public host.
    `certificates`: a directory with what `mqtt-sim certs` makes; what it lacks is written there. None: they are made in
    memory, so that clients cannot know the authority. `names`: further names of the server, for certificates that are
    made. Raises UsageError for a base port that leaves no room, and CouldNotRun for the directory.
    """
    if base_port is not None and not 0 <= base_port <= 0xFFFF - len(PORTS) + 1:
        raise UsageError(f"base port {base_port}: the last of {len(PORTS)} ports must be 65535 at most")
    if certificates is None:
        pems = own_pems(names=names) | public_pems(names=names)
    else:
        pems = {}
        ensure_certificates(certificates, names=names, with_public=True)
    listeners = []
    for index, (name, port) in enumerate(PORTS.items()):
        number = port.number if base_port is None else base_port and base_port + index
        listener: dict[str, Any] = {"name": name, "port": number, "protocols": [port.protocol]}
        if port.wants_user:
            listener["allow_anonymous"] = False
        if port.certificate and certificates is not None:
            listener["tls"] = tls_of(certificates, port.certificate)
        elif port.certificate:
            listener["tls"] = dict(zip(("certificate_pem", "key_pem"), pems[port.certificate], strict=True))
        if port.wants_client_certificate:
            ca = {"ca_pem": pems["ca"][0]} if pems else {"ca": str(certificate_path(certificates or "", "ca"))}
            listener["tls"] |= {"client_certificate": "required"} | ca
        listeners.append(listener)
    return {"listeners": listeners, "credentials": dict(USERS), "acl_file": str(ACL_FILE)}
