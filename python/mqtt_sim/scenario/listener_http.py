"""What a listener of the embedded broker answers to HTTP: our pages, the user's files, our client for browsers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from mqtt_sim.errors import Fault, Faults
from mqtt_sim.scenario.part import Part

WEB_FILES = Path(__file__).resolve().parent.parent / "web"
"""The product's own pages."""
HISTORY_LIMIT = 200

_MOUNT = re.compile(r"/(?:[^/.?#%\\\s][^/?#%\\\s]*/)*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = frozenset({"connection", "content-length", "content-type", "etag", "transfer-encoding"})


class StaticDirectory(Part):
    """A directory of files, and where they are found."""

    path: str = Field("/", description="first part of the files' path in URLs; begins with /")
    directory: str = Field(
        min_length=1, description="the directory; no path leads out of it, hidden files are not there"
    )

    @model_validator(mode="after")
    def _is_plain(self) -> StaticDirectory:
        if not _MOUNT.fullmatch(self.path.rstrip("/") + "/"):
            raise Faults([Fault("path", 'should be a path such as "/" or "/files"', self.path)])
        return self


def _read_static(value: Any) -> Any:
    """One directory alone is served at /."""
    return [{"directory": value}] if isinstance(value, str) else value


_STATIC_SCHEMA = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"path": {"type": "string"}, "directory": {"type": "string", "minLength": 1}},
                "required": ["directory"],
            },
        },
    ]
}


class ListenerHttp(Part):
    """What is answered to GET and HEAD."""

    pages: bool = Field(True, description="/crawl, /stats.json, /metrics and /healthz")
    static: Annotated[list[StaticDirectory], BeforeValidator(_read_static), WithJsonSchema(_STATIC_SCHEMA)] = Field(
        [], description='a directory to serve, or several: [{"path": "/files", "directory": "public"}]'
    )
    bundle: bool = Field(False, description="our client for browsers at /mqtt.js, unless a static file has that name")
    allow_root_static: bool = Field(False, description="`static` may be /, the whole file system")
    other_brokers: bool = Field(False, description="the crawl page may connect to brokers on other hosts (?url=)")
    history: int = Field(
        0, ge=0, le=HISTORY_LIMIT, description="so many of the last messages in /stats.json, readable by all"
    )
    headers: dict[str, str] = Field({}, description="sent with every answer")

    @model_validator(mode="after")
    def _fits_together(self) -> ListenerHttp:
        if faults := [*self._faults_of_static(), *self._faults_of_headers()]:
            raise Faults(faults)
        return self

    def _faults_of_static(self) -> Iterator[Fault]:
        mounts = [mount.path.rstrip("/") for mount in self.static]
        for index, mount in enumerate(self.static):
            if mounts[index] in mounts[:index]:
                yield Fault(f"static[{index}].path", "another directory has this path", mount.path)
            if not self.allow_root_static and Path(mount.directory).resolve() == Path("/"):
                remedy = (
                    "would show everybody the whole file system; name a directory below it, or say "
                    '"allow_root_static": true'
                )
                yield Fault(f"static[{index}].directory", remedy, mount.directory)

    def _faults_of_headers(self) -> Iterator[Fault]:
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS:
                yield Fault(f"headers.{name}", "is no name of a header, or of one that is ours", value)
            elif not value.isprintable():
                yield Fault(f"headers.{name}", "should have no control characters", value)

    def anchored(self, directory: Path, but: set[int]) -> ListenerHttp:
        """With its directories looked for in `directory`, except for those with the numbers `but`."""
        changed = [
            mount if index in but else mount.model_copy(update={"directory": str(directory / mount.directory)})
            for index, mount in enumerate(self.static)
        ]
        return self.model_copy(update={"static": changed})

    def to_core(self) -> dict[str, Any]:
        """As the core takes it."""
        return self.model_dump()
