"""`mqtt-sim rmuser`: a user out of the file that the broker reads."""

from __future__ import annotations

from typing import Annotated

import typer

from mqtt_sim.command.ending import ends_with_exit_code, epilog

app = typer.Typer(add_completion=False)


@app.command(epilog=epilog("mqtt-sim rmuser passwords.txt ann", "mqtt-sim rmuser passwords.txt ann --acl acl.txt"))
@ends_with_exit_code
def rmuser_command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Users file, as of mosquitto_passwd.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the user.")],
    acl: Annotated[
        str | None, typer.Option("--acl", metavar="FILE", help="Take its rights out of this list too.")
    ] = None,
) -> None:
    """Take a user out of a users file. SIGHUP makes a running broker read the file."""
    from mqtt_sim.users_file import remove_user

    remove_user(file, name, acl=acl)
    typer.echo(f"{file}: removed {name}")
