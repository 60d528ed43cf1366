"""`mqtt-sim adduser`: a user and its password into the file that the broker reads."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mqtt_sim.command.ending import ends_with_exit_code, epilog

app = typer.Typer(add_completion=False)


@app.command(
    epilog=epilog(
        "mqtt-sim adduser passwords.txt ann",
        "mqtt-sim adduser passwords.txt ann --password-file secret.txt --scram",
        "mqtt-sim adduser passwords.txt ann --acl acl.txt --publish 'a/#' --subscribe 'b/+'",
    )
)
@ends_with_exit_code
def adduser_command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Users file, as of mosquitto_passwd; made if missing.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the user.")],
    password_file: Annotated[
        str | None,
        typer.Option("--password-file", metavar="FILE", help="The password is its first line. -: standard input."),
    ] = None,
    password: Annotated[
        str | None, typer.Option("--password", metavar="TEXT", help="Others can see it; better leave it out.")
    ] = None,
    scram: Annotated[bool, typer.Option("--scram", help="Also for SCRAM-SHA-256 (not for Mosquitto).")] = False,
    iterations: Annotated[int, typer.Option("--iterations", metavar="N", help="Of PBKDF2.")] = 101,
    acl: Annotated[str | None, typer.Option("--acl", metavar="FILE", help="Write the rights into this list.")] = None,
    publish: Annotated[
        list[str] | None, typer.Option("--publish", metavar="FILTER", help="Topics it may publish to. Repeatable.")
    ] = None,
    subscribe: Annotated[
        list[str] | None, typer.Option("--subscribe", metavar="FILTER", help="Topics it may read. Repeatable.")
    ] = None,
) -> None:
    """Add a user to a users file, or give it a new password. SIGHUP makes a running broker read the file."""
    from mqtt_sim.errors import UsageError
    from mqtt_sim.users_file import Rights, add_user

    rights = Rights(publish or (), subscribe or ()) if publish or subscribe else None
    if (rights is None) != (acl is None):
        raise UsageError("rights need both a list and topics: --acl FILE, with --publish FILTER or --subscribe FILTER")
    if password is not None and password_file is not None:
        raise UsageError("give --password or --password-file, not both")
    secret = _read_password(password_file) if password is None else _shown_password(password)
    is_new = add_user(file, name, secret, iterations=iterations, scram=scram, acl=acl, rights=rights)
    typer.echo(f"{file}: {'added' if is_new else 'changed'} {name}")


def _shown_password(password: str) -> str:
    typer.echo(
        "mqtt-sim: a password on the command line can be read by other users of this machine and stays in the shell's "
        "history; leave out --password to be asked for it",
        err=True,
    )
    return password


def _read_password(file: str | None) -> str:
    """Asked for twice on a terminal; else the first line of the file or of standard input."""
    from mqtt_sim.errors import UsageError

    if file is None and sys.stdin.isatty():
        import getpass

        first = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != first:
            raise UsageError("the two passwords differ; nothing was changed")
        return first
    try:
        if file is None or file == "-":
            line = sys.stdin.buffer.readline(1 << 17)
        else:
            with open(file, "rb") as stream:
                line = stream.readline(1 << 17)
        return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("the password is not UTF-8") from None
    except OSError as error:
        raise UsageError(f"--password-file {file}: {error.strerror}") from None
