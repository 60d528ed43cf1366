"""What `mqtt-sim broker` does once its arguments are read: serve, tell, and obey signals until the end."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from mqtt_sim.broker import SYS_INTERVAL_S, Broker
from mqtt_sim.broker_url import DEFAULT_PORT
from mqtt_sim.errors import CouldNotRun, ScenarioError, UsageError
from mqtt_sim.inside.announcements import Announcements
from mqtt_sim.inside.log import LogOutput
from mqtt_sim.mosca_settings import from_mosca
from mqtt_sim.scenario.embedded_broker import EmbeddedBroker
from mqtt_sim.scenario.listener import Listener
from mqtt_sim.scenario.load import load_embedded_broker
from mqtt_sim.scenario.override import parse_settings

ENDS = frozenset({signal.SIGINT, signal.SIGTERM})


def settings_of(
    file: str | None, options: Mapping[str, Any], settings: Sequence[str]
) -> tuple[EmbeddedBroker, Announcements]:
    """The broker that the arguments describe: the file, over it the options that were given, over these `--set`.

    The file may have mosca's keys; what these have the broker announce comes beside.
    """
    announcements = Announcements()

    def ours(document: dict[str, Any]) -> dict[str, Any]:
        nonlocal announcements
        document, announcements = from_mosca(document)
        return document

    given = {name: value for name, value in options.items() if value is not None}
    broker = load_embedded_broker(file, given, parse_settings(settings, EmbeddedBroker), ours)
    defaults: dict[str, Any] = {"sys_interval": SYS_INTERVAL_S}
    if not broker.listeners and broker.unix is None:
        defaults["port"] = DEFAULT_PORT
    changes = {key: item for key, item in defaults.items() if key not in broker.model_fields_set}
    return broker.model_copy(update=changes), announcements


def located(error: ScenarioError, file: str | None, given: Iterable[str]) -> ScenarioError:
    """An error of the core with the configuration file that its key stands in, unless an argument gave that key."""
    key = (error.path or error.remedy).replace(".", " ").replace("[", " ").partition(" ")[0]
    if file is None or error.file is not None or key in given:
        return error
    return ScenarioError(error.faults, file=file)


def print_settings(settings: EmbeddedBroker) -> None:
    """As a configuration file with every default filled in."""
    print(json.dumps(settings.shown(), indent=2, ensure_ascii=False))


def serve(settings: EmbeddedBroker, announcements: Announcements, *, verbose: bool, ca_file: str | None = None) -> None:
    """Serves until SIGINT or SIGTERM; SIGHUP reads users, rights, certificates and keys from their files again.

    Writes what clients must trust to `ca_file`, for certificates made at the start.
    """
    # Blocked, then waited for: a handler could come between any two steps, and the broker's thread inherits the mask.
    awaited = ENDS | {signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    try:
        broker = Broker(settings)
        announcements.attach(broker)
        with _log_output(settings), broker:
            if ca_file is not None:
                _write_ca(broker, ca_file)
            _announce(broker, ca_file)
            _warn_of_closed_ways_in(settings)
            while (number := _next_signal(awaited, broker, verbose=verbose)) not in ENDS:
                if number == signal.SIGHUP:
                    _reload(broker)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _log_output(settings: EmbeddedBroker) -> AbstractContextManager[None]:
    if settings.log_level == "off":
        return nullcontext()
    return LogOutput(sys.stderr, settings.log_level, settings.log_format)


def _write_ca(broker: Broker, file: str) -> None:
    if not broker.ca_pem:
        raise UsageError(f"--write-ca {file}: no certificate is made at this start, so there is no CA to write")
    try:
        Path(file).write_text(broker.ca_pem, encoding="ascii")
    except OSError as error:
        raise CouldNotRun(f"--write-ca {file}: cannot be written: {error.strerror}", kind="ca_file") from None


def _announce(broker: Broker, ca_file: str | None) -> None:
    for place, (_, way) in zip(broker.places, broker.settings.ways_in(), strict=True):
        first, *others = way.schemes or ["unix"]
        name = [way.name] if isinstance(way, Listener) and way.name else []
        notes = "; ".join(name + ([f"also {', '.join(others)}"] if others else []))
        print(f"listening {first} {place}" + (f" ({notes})" if notes else ""), flush=True)
    if broker.ca_pem:
        where = f"is in {ca_file}" if ca_file else "comes by --write-ca FILE"
        print(f"TLS with a certificate made at this start; the CA that clients must trust {where}", flush=True)
    if broker.page:
        print(f"page {broker.page}", flush=True)


def _warn_of_closed_ways_in(settings: EmbeddedBroker) -> None:
    closed = settings.closed_ways_in()
    if not closed:
        return
    names = [way.name or f"listener-{index + 1}" for index, way in enumerate(settings.listeners) if way in closed]
    is_all = len(closed) == sum(way.speaks_mqtt for _, way in settings.ways_in())
    where = "" if is_all else f" by {', '.join(names)}"
    print(
        f"mqtt-sim: nobody can connect{where}: clients must give a user name, and there are no users; "
        "name them with --users FILE (mqtt-sim adduser makes it) or credentials, or say --allow-anonymous",
        file=sys.stderr,
        flush=True,
    )


def _next_signal(awaited: frozenset[signal.Signals], broker: Broker, *, verbose: bool) -> int:
    if not verbose:
        return signal.sigwait(awaited)
    before = broker.stats()
    while (arrived := signal.sigtimedwait(awaited, 1)) is None:
        now = broker.stats()
        print(status_line(before, now), flush=True)
        before = now
    return arrived.si_signo


def status_line(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """One second of a broker: who is there, and what went through."""

    def during(count: str) -> str:
        return f"{now[count] - before[count]:,}"

    dropped = sum(now[name] - before[name] for name in now if name.startswith("dropped_"))
    return (
        f"clients {now['clients']:,} · sessions {now['sessions']:,} · subscriptions {now['subscriptions']:,} · "
        f"in {during('messages_in')}/s · out {during('messages_out')}/s · dropped {dropped:,}/s"
    )


def _reload(broker: Broker) -> None:
    try:
        broker.reload()
    except ScenarioError as error:
        print(f"mqtt-sim: not reloaded, what was in force stays: {error}", file=sys.stderr, flush=True)
        return
    files = ", ".join(broker.settings.reloaded_paths())
    nothing = "nothing to reload: there is no users_file, no acl_file and no file of a certificate"
    print(f"reloaded {files}" if files else nothing, flush=True)
