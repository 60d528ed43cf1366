"""mosca's settings, taken as they are: its keys become those of EmbeddedBroker, with the same meaning.

    Broker({"port": 1883, "http": {"port": 3000, "bundle": True, "static": "./public"}})

Where a key opens a way in beside the first one (secure, http with a port, https, interfaces) the listeners are mosca's:
MQTT at port 1883, `secure` at 8883, `http` at 3000, `https` at 3001. What mosca does with other systems, and we do not,
is an error that says what there is instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from mqtt_sim.errors import NOTHING, Fault, ScenarioError
from mqtt_sim.inside.announcements import Announcements
from mqtt_sim.scenario.embedded_broker import EmbeddedBroker
from mqtt_sim.suggestion import did_you_mean, nearest

_KEYS = (
    "allowNonSecure",
    "backend",
    "heartbeatInterval",
    "https",
    "id",
    "interfaces",
    "logger",
    "maxInflightMessages",
    "onlyHttp",
    "onQoS2publish",
    "persistence",
    "publishClientDisconnect",
    "publishNewClient",
    "publishSubscriptions",
    "secure",
    "stats",
    "status",
    "stats_interval",
    "storeMessagesQos0",
)
"""Of mosca alone, and one of aedes."""
_PORTS = {"mqtt": 1883, "mqtts": 8883, "http": 3000, "https": 3001}
_LAYOUT = {"secure", "https", "interfaces", "allow_non_secure", "only_http"}
"""Keys that speak of several ways in."""
_PAIR = {"key_path": "key", "cert_path": "certificate", "key": "key", "cert": "certificate", "ca_paths": "ca"}
_PAIR_OPTIONS = {*_PAIR, "ca", "request_cert", "reject_unauthorized", "key_password", "key_pem", "certificate_pem"}
_ON_QOS2 = {"noack": "noack", "dropToQoS1": "drop_to_qos1", "disconnect": "disconnect"}
_BUNYAN_LEVELS = {"trace": 10, "debug": 20, "info": 30, "warn": 40, "error": 50, "fatal": 60}
_LOG_LEVELS = {10: "debug", 20: "debug", 30: "info", 40: "warning", 50: "error", 60: "error"}
_DEFAULT_TTL_MS = 3_600_000
_OF_A_WEB_SERVER = ("bundle", "static", "allow_root_static", "pages", "headers", "history", "other_brokers")
_ELSEWHERE = {
    "only_https": "name the listeners that are wanted: `https`, with `only_http` true",
}


def from_mosca(given: Mapping[str, Any]) -> tuple[dict[str, Any], Announcements]:
    """Options as EmbeddedBroker takes them, and what Python has to do. Ours stay as they are. Raises ScenarioError."""
    _check_spelling(given)
    options = {_snake(key): value for key, value in given.items()}
    announcements = Announcements(
        broker_id=_taken(options, "id", str, "a text"),
        clients=bool(_taken(options, "publish_new_client", bool, "true or false")),
        disconnects=bool(_taken(options, "publish_client_disconnect", bool, "true or false")),
        subscriptions=bool(_taken(options, "publish_subscriptions", bool, "true or false")),
        heartbeat_interval_s=_heartbeat_interval(options),
    )
    for key, remedy in _ELSEWHERE.items():
        if key in options:
            raise _fault(key, remedy)
    _take_backend(options)
    _take_persistence(options)
    _take_stats(options)
    _take_logger(options)
    _take_limits(options)
    _take_qos2(options, "onQoS2publish" in given)
    pair = _take_credentials(options)
    if _LAYOUT & set(options) or pair is not None or _has_port(options.get("http")):
        _take_layout(options, pair)
    return options, announcements


def _check_spelling(given: Mapping[str, Any]) -> None:
    """A key that is nearest to one of mosca's; the others are the model's to judge."""
    known = {*EmbeddedBroker.model_fields, *_ELSEWHERE, *_KEYS, *map(_snake, _KEYS)}
    for key, value in given.items():
        if key not in known and _snake(key) not in known and nearest(str(key), known) in {*_KEYS, *map(_snake, _KEYS)}:
            raise _fault(str(key), f'there is no key "{key}" here; {did_you_mean(str(key), known)}', value)


def _snake(key: str) -> str:
    if not isinstance(key, str) or key in ("onQoS2publish", "storeMessagesQos0"):
        return {"onQoS2publish": "on_qos2_publish", "storeMessagesQos0": "queue_qos0"}.get(key, str(key))
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: "_" + match[1].lower(), key)


def _fault(path: str, remedy: str, value: Any = NOTHING) -> ScenarioError:
    return ScenarioError([Fault(path, remedy, value)], file="Broker")


def _taken(options: dict[str, Any], key: str, kind: type, name: str) -> Any:
    value = options.pop(key, None)
    if value is not None and not isinstance(value, kind):
        raise _fault(key, f"should be {name}", value)
    return value


def _heartbeat_interval(options: dict[str, Any]) -> float | None:
    interval_ms = options.pop("heartbeat_interval", None)
    if interval_ms is None:
        return None
    if not isinstance(interval_ms, int | float) or isinstance(interval_ms, bool) or not 10 <= interval_ms <= 86_400_000:
        raise _fault(
            "heartbeat_interval", "should be milliseconds, from 10 to 86,400,000; aedes has 60000", interval_ms
        )
    return interval_ms / 1000


def _object(value: Any, path: str, keys: Iterable[str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _fault(path, "should be an object {...}", value)
    known = set(keys)
    found = {_snake(key): item for key, item in value.items()}
    for key in found:
        if key not in known:
            raise _fault(f"{path}.{key}", f'there is no key "{key}" here; {did_you_mean(key, known)}')
    return found


def _take_backend(options: dict[str, Any]) -> None:
    backend = options.pop("backend", None)
    if backend is None:
        return
    if not isinstance(backend, Mapping):
        raise _fault("backend", "should be an object {...}", backend)
    kind = backend.get("type", "memory")
    if kind != "memory":
        remedy = (
            "brokers that share messages by another system are not there; leave backend out: one needs none, and "
            'the only type is "memory"'
        )
        raise _fault("backend.type", remedy, kind)


def _take_persistence(options: dict[str, Any]) -> None:
    value = options.pop("persistence", None)
    if value is None:
        return
    keys = ("factory", "url", "path", "ttl", "mongo", "redis", "options", "check_frequency")
    store = _object(value, "persistence", keys)
    factory = store.get("factory", "memory")
    name = str(getattr(factory, "__name__", factory))
    if name.lower() != "memory":
        remedy = 'the only factory is "memory": sessions and retained messages last as long as the broker does'
        raise _fault("persistence.factory", remedy, name)
    for key in ("url", "path"):
        if key in store:
            raise _fault(f"persistence.{key}", 'should be left out: the factory "memory" has no place', store[key])
    ttl = _object(store.get("ttl", {}), "persistence.ttl", ("subscriptions", "packets"))
    kept = _milliseconds(ttl.get("subscriptions", _DEFAULT_TTL_MS), "persistence.ttl.subscriptions")
    packets = _milliseconds(ttl.get("packets", kept), "persistence.ttl.packets")
    if packets < kept:
        remedy = "queued messages last as long as the session; for less, give messages an expiry (MQTT 5.0)"
        raise _fault("persistence.ttl.packets", remedy, packets)
    options.setdefault("max_session_expiry", math.ceil(kept / 1000))


def _milliseconds(value: Any, path: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1e13:
        raise _fault(path, "should be milliseconds", value)
    return value


def _take_stats(options: dict[str, Any]) -> None:
    for key in ("status", "stats"):
        wanted = _taken(options, key, bool, "true or false")
        if wanted is not None:
            options.setdefault("sys_interval", 10.0 if wanted else 0.0)
    if "stats_interval" in options:
        options["sys_interval"] = options.pop("stats_interval")


def _take_logger(options: dict[str, Any]) -> None:
    """bunyan's: a name, which ours has already, and a level by its number or name."""
    value = options.pop("logger", None)
    if value is None:
        return
    level = _object(value, "logger", ("name", "level")).get("level", "info")
    number = _BUNYAN_LEVELS.get(str(level), level)
    if number not in _LOG_LEVELS:
        raise _fault("logger.level", f"should be one of {', '.join(_BUNYAN_LEVELS)}", level)
    options.setdefault("log_level", _LOG_LEVELS[number])


def _take_limits(options: dict[str, Any]) -> None:
    most = options.pop("max_inflight_messages", None)
    if most is not None:
        options.setdefault("max_inflight", most)
        options.setdefault("max_inflight_below_v5", most)


def _take_qos2(options: dict[str, Any], is_moscas: bool) -> None:
    how = options.get("on_qos2_publish")
    if how in _ON_QOS2:
        options["on_qos2_publish"] = _ON_QOS2[how]
    if is_moscas and options.get("profile") != "mosca":
        raise _fault("on_qos2_publish", 'needs "profile": "mosca"; this broker has QoS 2', how)


def _take_credentials(options: dict[str, Any]) -> dict[str, Any] | None:
    """mosca's are a key and a certificate, ours are users and passwords."""
    value = options.get("credentials")
    if not isinstance(value, Mapping) or not {_snake(str(key)) for key in value} & _PAIR_OPTIONS:
        return None
    return _pair_of(options.pop("credentials"), "credentials")


def _pair_of(value: Any, path: str) -> dict[str, Any]:
    """The `tls` of a listener."""
    given = _object(value, path, _PAIR_OPTIONS)
    tls: dict[str, Any] = {}
    for key, item in given.items():
        if key in ("request_cert", "reject_unauthorized"):
            continue
        if key in ("ca_paths", "ca") and isinstance(item, list | tuple):
            if len(item) != 1:
                raise _fault(f"{path}.{key}", "should be one file; put all CAs into it", item)
            [item] = item
        tls[_PAIR.get(key, key)] = item
    if given.get("request_cert"):
        tls["client_certificate"] = "requested" if given.get("reject_unauthorized") is False else "required"
    return tls


def _has_port(http: Any) -> bool:
    return isinstance(http, Mapping) and "port" in http


def _take_layout(options: dict[str, Any], shared: dict[str, Any] | None) -> None:
    if "listeners" in options:
        raise _fault("listeners", "should be left out beside secure, http, https, interfaces and credentials of files")
    only_http = bool(_taken(options, "only_http", bool, "true or false"))
    allows_plain = _taken(options, "allow_non_secure", bool, "true or false")
    secure, http, https = (options.pop(key, None) for key in ("secure", "http", "https"))
    interfaces = options.pop("interfaces", None)
    port = options.pop("port", _PORTS["mqtt"])
    listeners: list[dict[str, Any]] = []
    if interfaces is not None:
        if not isinstance(interfaces, list | tuple) or not interfaces:
            raise _fault("interfaces", "should be a list of at least one object", interfaces)
        for index, item in enumerate(interfaces):
            listeners.append(_interface(item, f"interfaces[{index}]", shared))
    elif not only_http and not (secure is not None and allows_plain is False):
        listeners.append(_listener("mqtt", port, {}))
    if secure is not None and not only_http:
        given = dict(_object(secure, "secure", ("port", "host", *_PAIR_OPTIONS)))
        place: dict[str, Any] = {key: given.pop(key) for key in ("port", "host") if key in given}
        tls = _pair_of(given, "secure") if given else shared
        listeners.append(_secured("mqtts", place.pop("port", _PORTS["mqtts"]), place, tls, "secure"))
    if http is not None:
        listeners.append(_web("http", http, None))
    if https is not None:
        listeners.append(_web("https", https, shared))
    options["listeners"] = listeners


def _listener(kind: str, port: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": kind, "port": port, **more}


def _secured(kind: str, port: Any, more: Mapping[str, Any], tls: dict[str, Any] | None, path: str) -> dict[str, Any]:
    if not tls or not {"certificate", "certificate_pem"} & set(tls):
        remedy = f"needs a key and a certificate: {path}.keyPath and .certPath, or credentials with both"
        raise _fault("credentials" if kind == "https" else path, remedy)
    return _listener(kind, port, {**more, "tls": tls})


def _web(kind: str, value: Any, shared: dict[str, Any] | None) -> dict[str, Any]:
    given = _object(value, kind, ("port", "host", "credentials", *_OF_A_WEB_SERVER))
    pages = {key: given[key] for key in _OF_A_WEB_SERVER if key in given}
    more = {"protocols": ["websocket", "http"], "http": pages}
    if "host" in given:
        more["host"] = given["host"]
    port = given.get("port", _PORTS[kind])
    if kind == "http":
        return _listener(kind, port, more)
    tls = _pair_of(given["credentials"], "https.credentials") if "credentials" in given else shared
    return _secured(kind, port, more, tls, "https")


def _interface(item: Any, path: str, shared: dict[str, Any] | None) -> dict[str, Any]:
    keys = ("type", "port", "host", "credentials", "max_connections", *_OF_A_WEB_SERVER)
    given = _object(item, path, keys)
    kind = given.pop("type", None)
    if kind not in _PORTS:
        raise _fault(f"{path}.type", f"should be one of {', '.join(_PORTS)}", kind)
    own = given.pop("credentials", None)
    tls = shared if own is None else _pair_of(own, f"{path}.credentials")
    if kind in ("http", "https"):
        made = _web(kind, {key: value for key, value in given.items() if key != "max_connections"}, tls)
    elif kind == "mqtts":
        made = _secured(kind, given.get("port", _PORTS[kind]), {}, tls, path)
    else:
        made = _listener(kind, given.get("port", _PORTS[kind]), {})
    more: dict[str, Any] = {key: given[key] for key in ("host", "max_connections") if key in given}
    return {**made, **more, "name": f"{kind}-{path[11:-1]}"}
