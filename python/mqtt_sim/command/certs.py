"""`mqtt-sim certs`: a directory of certificates to try TLS with."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from mqtt_sim.command.ending import ends_with_exit_code, epilog

app = typer.Typer(add_completion=False)


@app.command(
    "certs",
    epilog=epilog(
        "mqtt-sim certs certs",
        "mqtt-sim certs certs --name broker.example --name 192.0.2.7 --client sensor-7 --days 30",
    ),
)
@ends_with_exit_code
def certs_command(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="Where to write them; made when it is not there.")],
    names: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="HOST", help="A further name or address of the server; several times."),
    ] = None,
    clients: Annotated[
        list[str] | None,
        typer.Option(
            "--client", metavar="NAME", help="A further client: NAME.pem with this common name; several times."
        ),
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", help="How long they are good. Default: 397")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Make an authority and certificates for servers and clients, with an expired and a wrong one among them."""
    from mqtt_sim.certificates import DAYS, make_certificates

    lasting = DAYS if days is None else days
    made = make_certificates(directory, names=names or (), clients=clients or (), days=lasting, force=force)
    typer.echo(_told(Path(directory), made, names or [], lasting))


def _told(directory: Path, made: list[Path], names: list[str], days: int) -> str:
    from mqtt_sim.certificates import SERVER_NAMES, WRONG_HOST

    meanings = {
        "ca": "the authority that signed the others; clients trust it",
        "server": "for " + ", ".join(dict.fromkeys((*SERVER_NAMES, *names))),
        "expired": "like server, but over since yesterday",
        "wrong-host": f"for {WRONG_HOST} only",
    }
    lines = [f"  {path.name:<16} {meanings.get(path.stem, f'a client named {path.stem}')}" for path in made]
    until = time.strftime("%Y-%m-%d", time.localtime(time.time() + days * 24 * 60 * 60))
    place, authority = shlex.quote(str(directory)), shlex.quote(str(directory / "ca.pem"))
    return "\n".join(
        [
            f"made in {directory}, good until {until}:",
            *lines,
            "Each has its key beside it, as NAME-key.pem, readable by you alone.",
            "",
            "Try:",
            f"  mqtt-sim broker --certs {place}",
            f"  mosquitto_pub --cafile {authority} -h localhost -p 1883 -t hello -m world",
        ]
    )
