"""Reading a scenario: a JSON file, a Python file, or a Scenario made in code; with single fields changed on the way."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from mqtt_sim.errors import Fault, Faults, ScenarioError, ScriptError, UsageError
from mqtt_sim.scenario.complaint import faults_of
from mqtt_sim.scenario.embedded_broker import EmbeddedBroker
from mqtt_sim.scenario.model import Client, Devices, Publish, Scenario
from mqtt_sim.scenario.override import apply_settings
from mqtt_sim.scenario.part import Part
from mqtt_sim.scenario.script import anchored_reference
from mqtt_sim.scenario.shipped import find_shipped, shipped_scenarios
from mqtt_sim.suggestion import nearest

FILE_SIZE_LIMIT = 64 * 1024 * 1024


def load_scenario(
    source: Scenario | Mapping[str, Any] | str | Path, settings: Mapping[str, Any] | None = None
) -> Scenario:
    """The scenario that `source` holds: a model, a dictionary, a .json or .py file, or the name of a shipped one.

    `settings` changes fields by path before the check. Raises ScenarioError or ScriptError.
    """
    if isinstance(source, Scenario) and not settings:
        return source
    if isinstance(source, Scenario | Mapping):
        return _validate(_document_of(source), settings, None)
    if not isinstance(source, str | os.PathLike):
        kind = type(source).__name__
        raise UsageError(f"a scenario should be a Scenario, a dictionary, or the name of a file, found {kind}")
    path = find_scenario(source)
    scenario = _load_file(path, settings)
    return _anchor(scenario, path.parent, settings or {})


def _load_file(path: Path, settings: Mapping[str, Any] | None) -> Scenario:
    if path.suffix != ".py":
        return _validate(_read_json(path), settings, str(path))
    scenario = _run_script(path)
    return _validate(_document_of(scenario), settings, str(path)) if settings else scenario


def _anchor(scenario: Scenario, directory: Path, settings: Mapping[str, Any]) -> Scenario:
    """Files that the scenario names are looked for beside it; those that a setting names, where the user is."""
    changes: dict[str, Any] = {}
    corpus, broker = scenario.corpus, scenario.broker
    if corpus.path is not None and "corpus.path" not in settings:
        changes["corpus"] = corpus.model_copy(update={"path": str(directory / corpus.path)})
    if broker is not None:
        own = [key.removeprefix("broker.") for key in settings if key.startswith("broker.")]
        changes["broker"] = broker if "broker" in settings else broker.anchored(directory, own)
    but = frozenset(key.rpartition(".")[2] for key in settings if ".tls." in f".{key}" or key.endswith("tls"))
    changes["client"] = _anchored(scenario.client, directory, but)
    for role in ("producers", "consumers", "devices"):
        changes[role] = [
            _anchored_group(group, directory, but, _set_fields(settings, role, number, group.name))
            for number, group in enumerate(getattr(scenario, role))
        ]
    return scenario.model_copy(update=changes)


def _set_fields(settings: Mapping[str, Any], role: str, number: int, name: str) -> set[str]:
    """Fields of a group that settings changed, by their paths inside it."""
    places = (f"{role}.{number}.", f"{role}.{name}.")
    return {key.removeprefix(place) for key in settings for place in places if key.startswith(place)}


def _anchored_group(group: Any, directory: Path, but: frozenset[str], own: set[str]) -> Any:
    changes: dict[str, Any] = {}
    if group.client is not None:
        changes["client"] = _anchored(group.client, directory, but)
    if isinstance(group, Devices):
        if "script" not in own:
            changes["script"] = anchored_reference(group.script, directory)
        if group.publish is not None:
            inner = {key.removeprefix("publish.") for key in own}
            changes["publish"] = group.publish.model_copy(update=_anchored_functions(group.publish, directory, inner))
    elif isinstance(group, Publish):
        changes |= _anchored_functions(group, directory, own)
    return group.model_copy(update=changes) if changes else group


def _anchored_functions(publish: Publish, directory: Path, own: set[str]) -> dict[str, Any]:
    return {
        field: one.model_copy(update={"function": anchored_reference(one.function, directory)})
        for field, one in publish.functions.items()
        if field not in own and f"{field}.function" not in own
    }


def _anchored(client: Client, directory: Path, but: frozenset[str]) -> Client:
    if client.tls is None or "tls" in but:
        return client
    return client.model_copy(update={"tls": client.tls.anchored(directory, but)})


def find_scenario(source: str | Path) -> Path:
    """The file that is meant. Raises ScenarioError that names the nearest file or shipped scenario."""
    path = Path(source)
    if path.is_file():
        return path
    if path.is_dir():
        raise ScenarioError([Fault("", "is a directory; name a scenario file in it")], file=str(path))
    if shipped := find_shipped(str(source)):
        return shipped
    raise ScenarioError([Fault("", _missing(path))], file=str(path))


def _missing(path: Path) -> str:
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    beside = [name for name in beside if name.endswith((".json", ".py"))]
    if match := nearest(path.name, beside):
        return f'there is no such scenario file; did you mean "{path.parent / match}"?'
    names = ", ".join(shipped_scenarios())
    return (
        f"there is no such scenario file; scenarios that ship: {names}" if names else "there is no such scenario file"
    )


def _document_of(source: Scenario | Mapping[str, Any]) -> Any:
    return {str(key): _plain(value) for key, value in source.items()} if isinstance(source, Mapping) else _plain(source)


def _plain(value: Any) -> Any:
    """As json.loads would have given it, so that a Scenario made in code can be changed by path like a file."""
    if isinstance(value, Part):
        return _plain(value.model_dump(exclude_unset=True))
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def load_embedded_broker(
    file: str | Path | None,
    changes: Mapping[str, Any],
    settings: Mapping[str, Any],
    translate: Callable[[dict[str, Any]], dict[str, Any]] = lambda document: document,
) -> EmbeddedBroker:
    """The broker that a JSON file describes; `changes` are fields instead of the file's, `settings` come by path.

    `translate` makes fields of what else the file may say. Raises ScenarioError.
    """
    path = None if file is None else Path(file)
    document = {} if path is None else _read_json(path)
    if isinstance(document, dict):
        document.pop("$schema", None)
        document = _translated(document, translate, str(path)) | changes
        apply_settings(document, settings, EmbeddedBroker)
    broker = validate_embedded_broker(document, None if path is None else str(path))
    return broker if path is None else broker.anchored(path.parent, [*changes, *settings])


def _translated(document: Any, translate: Callable[[Any], Any], file: str) -> Any:
    try:
        return translate(document)
    except ScenarioError as error:
        raise ScenarioError(error.faults, file=file) from None


def validate_embedded_broker(document: Any, origin: str | None) -> EmbeddedBroker:
    """The model of a document; `origin` begins the message of a ScenarioError."""
    try:
        return EmbeddedBroker.model_validate(document)
    except ValidationError as error:
        raise ScenarioError(faults_of(error, EmbeddedBroker), file=origin) from None


def _validate(document: Any, settings: Mapping[str, Any] | None, file: str | None) -> Scenario:
    if settings and isinstance(document, dict):
        apply_settings(document, settings)
    try:
        return Scenario.model_validate(document)
    except ValidationError as error:
        raise ScenarioError(faults_of(error, Scenario), file=file) from None


def _read_json(path: Path) -> Any:
    file = str(path)
    try:
        if path.stat().st_size > FILE_SIZE_LIMIT:
            raise ScenarioError([Fault("", f"is larger than {FILE_SIZE_LIMIT // 2**20} MiB")], file=file)
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ScenarioError([Fault("", f"cannot be read: {error.strerror}")], file=file) from None
    except UnicodeDecodeError as error:
        raise ScenarioError([Fault("", f"is no UTF-8 text: wrong byte at {error.start}")], file=file) from None
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"{file}:{error.lineno}:{error.colno}"
        raise ScenarioError([Fault("", f"is not JSON: {error.msg}")], file=where) from None
    except Faults as error:
        raise ScenarioError(error.faults, file=file) from None
    except RecursionError:
        raise ScenarioError([Fault("", "is nested too deeply")], file=file) from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        keys = [key for key, _ in pairs]
        raise Faults([Fault(key, "stands twice in one object") for key in document if keys.count(key) > 1])
    return document


def _no_constant(name: str) -> Any:
    raise Faults([Fault("", f"{name} is no JSON number")])


def _run_script(path: Path) -> Scenario:
    """The Scenario that a Python file defines as `scenario`, or that its function of this name returns."""
    file = str(path)
    module = execute_script(path)
    found = getattr(module, "scenario", None)
    if callable(found) and not isinstance(found, Scenario):
        found = _calling_user(path, found)
    if not isinstance(found, Scenario):
        given = "nothing" if found is None else f"a {type(found).__name__}"
        remedy = f'should define "scenario" as a mqtt_sim.Scenario, or as a function that returns one; it gives {given}'
        raise ScenarioError([Fault("", remedy)], file=file)
    return found


def execute_script(path: Path) -> ModuleType:
    """The module that a user's Python file makes. Raises ScriptError with the line where it raised."""
    specification = importlib.util.spec_from_file_location(f"mqtt_sim_scenario_{path.stem}", path)
    assert specification is not None, path
    loader = specification.loader
    assert loader is not None, path
    module = importlib.util.module_from_spec(specification)
    directory = str(path.resolve().parent)
    sys.modules[module.__name__] = module
    sys.path.insert(0, directory)
    try:
        _calling_user(path, lambda: loader.exec_module(module))
    finally:
        sys.path.remove(directory)
        del sys.modules[module.__name__]
    return module


def _calling_user(path: Path, function: Any) -> Any:
    """What the user's function returns; what it raises becomes an error with the file and line of the user's script."""
    try:
        return function()
    except ScenarioError as error:
        raise ScenarioError(error.faults, file=f"{path}:{_line_in(path, error)} {error.file or ''}".rstrip()) from None
    except (Exception, SystemExit) as error:
        raise ScriptError(_describe(error), file=str(path), line=_line_in(path, error)) from error


def _line_in(path: Path, error: BaseException) -> int:
    """Where in the user's file the error came from: the innermost frame that is his."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return next((line for line in reversed(lines) if line), 1)


def _describe(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
