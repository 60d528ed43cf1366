"""A command that has commands below it, whose help and theirs are quick."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class CommandGroup(TyperGroup):
    """A group whose own `--help`, when it is not asked for, is False.

    Typer's None would be taken through pydantic, which costs every help text below the group 60 ms.
    """

    def get_help_option(self, ctx: Any) -> Any:
        """As ever, with a default."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option
