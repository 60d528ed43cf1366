"""From the flags of `bench` to the scenario that they mean, and from its faults back to the flags."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from mqtt_sim.command.bench_flags import BenchFlags, ListeningFlags, SendingFlags
from mqtt_sim.errors import Fault, ScenarioError, UsageError

Document = dict[str, Any]

_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 8083, "wss": 8084}
_TRANSPORTS = {"mqtt": "tcp", "mqtts": "tls", "ws": "ws", "wss": "wss"}
_DURATION = "10s"
_SPARE_S = 10
_LONGEST_S = 365 * 86_400
_PLACEHOLDER = re.compile(r"%([icus])")
_TEMPLATE_FILE = "template://"
_FLAGS = {
    "topic": "-t",
    "topics": "-t",
    "qos": "-q",
    "size": "-s",
    "template": "-m",
    "rate": "-I",
    "messages": "-L",
    "in_flight": "-F",
    "count": "-c",
    "duration": "-z",
    "protocol_version": "-V",
    "client_id": "--prefix",
    "keep_alive": "-k",
    "session_expiry_interval": "-x",
    "username": "-u",
    "password": "-P",
    "source_addresses": "--ifaddr",
    "certificate": "--certfile",
    "key": "--keyfile",
    "ca": "--cacertfile",
    "tls": "--cacertfile, --certfile, --keyfile",
    "url": "--broker",
}


def conn_scenario(flags: BenchFlags) -> Document:
    """Clients that connect and go."""
    return _scenario(flags, "conn", duration="1s", devices=[_group(flags, "conn")])


def idle_scenario(flags: BenchFlags) -> Document:
    """Clients that connect and stay."""
    scenario = _scenario(flags, "idle", duration="30s", devices=[_group(flags, "idle")])
    scenario["thresholds"]["disconnected"] = ["count==0"]
    return scenario


def pub_scenario(flags: SendingFlags) -> Document:
    """Clients that publish to whoever listens: nothing of ours does, so nothing is added to the payload."""
    group = {**_group(flags, "pub"), **_sending(flags, "pub", 1000, flags.qos or 0), "stamp": "none"}
    return _scenario(flags, "pub", duration=_time_for(flags, group), producers=[group])


def pingpong_scenario(flags: SendingFlags) -> Document:
    """Clients that hear themselves, and send again when they have."""
    publish = _sending(flags, "pingpong", 0, flags.qos or 0, topic="bench/pingpong/%i")
    publish["in_flight"] = flags.in_flight or 1
    subscribe = {"topic": publish["topic"], "qos": publish["qos"]}
    group = {**_group(flags, "pingpong"), "publish": publish, "subscribe": subscribe}
    return _scenario(flags, "pingpong", duration=_time_for(flags, publish), devices=[group])


def sub_scenario(flags: ListeningFlags) -> Document:
    """Clients that listen; where nobody else can, publishers that let them hear something."""
    if not flags.topics:
        raise UsageError("say what to listen to: -t FILTER")
    filters = [_with_placeholders(flags, topic, "-t") for topic in flags.topics]
    group = {**_group(flags, "sub"), "topics": filters, "qos": flags.qos}
    is_fed = flags.feed if flags.feed is not None else _target(flags) is None
    feeds = [_feed(flags, number, topic) for number, topic in enumerate(filters)] if is_fed else []
    return _scenario(flags, "sub", duration=_DURATION, producers=feeds, consumers=[group])


def read_flags(fault: Fault) -> UsageError | None:
    """The fault of a scenario made from flags as one of the flag; None when none stands for it."""
    names = re.sub(r"\[\d+\]", "", fault.path).split(".")
    if fault.path == "connect.rate":
        return UsageError(f"-R or -i: {fault.remedy}")
    flag = next((_FLAGS[name] for name in reversed(names) if name in _FLAGS), None)
    return None if flag is None else UsageError(f"{flag}: {fault.remedy}")


def usage_error(error: ScenarioError) -> Exception:
    """The first fault as one of a flag, where there is a flag for it."""
    return read_flags(error.faults[0]) or error


def _scenario(flags: BenchFlags, role: str, *, duration: str, **groups: list[Document]) -> Document:
    target, connect = _target(flags), _connect(flags)
    scenario: Document = {"name": f"bench-{role}", "seed": flags.seed, "duration": flags.duration or duration}
    if role in ("conn", "idle"):
        scenario["drain"] = "0s"
    if target is not None:
        scenario["target"] = {"url": target}
    elif (transport := _TRANSPORTS[_scheme(flags)]) != "tcp":
        scenario["transport"] = transport
    return {
        **scenario,
        **({"connect": connect} if connect else {}),
        "client": _client(flags),
        **{name: members for name, members in groups.items() if members},
        "thresholds": {"connect_failed": ["count==0"]},
    }


def _scheme(flags: BenchFlags) -> str:
    uses_tls = flags.ssl or bool(flags.ca or flags.certificate or flags.key or flags.insecure)
    return ("wss" if uses_tls else "ws") if flags.ws else "mqtts" if uses_tls else "mqtt"


def _target(flags: BenchFlags) -> str | None:
    """The URL of the outside broker, if one is meant."""
    if flags.broker is not None:
        if flags.host or flags.port or flags.ws or flags.ssl:
            raise UsageError("--broker URL says all of --host, --port, --ssl and --ws; leave those out")
        return flags.broker
    if flags.host is None and flags.port is None:
        return None
    host, scheme = flags.host or "localhost", _scheme(flags)
    if "," in host:
        raise UsageError(f"-h {host}: one broker a run; start one for each, with a --prefix of its own")
    place = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{scheme}://{place}:{flags.port or _PORTS[scheme]}"


def _connect(flags: BenchFlags) -> Document:
    rate = flags.connect_rate or (1000 / flags.interval if flags.interval else 0)
    addresses = [part.strip() for part in (flags.source_addresses or "").split(",") if part.strip()]
    return {**({"rate": rate} if rate else {}), **({"source_addresses": addresses} if addresses else {})}


def _client(flags: BenchFlags) -> Document:
    client: Document = {
        "protocol_version": flags.version,
        "keep_alive": flags.keep_alive,
        "clean_start": None if flags.clean else False,
        "session_expiry_interval": flags.session_expiry or None,
        "username": flags.username,
        "password": flags.password,
        "tls": _tls(flags) or None,
    }
    return {name: value for name, value in client.items() if value is not None}


def _tls(flags: BenchFlags) -> Document:
    files = {"ca": flags.ca, "certificate": flags.certificate, "key": flags.key}
    tls: Document = {name: str(Path(file).absolute()) for name, file in files.items() if file is not None}
    return {**tls, **({"reject_unauthorized": False} if flags.insecure else {})}


def _group(flags: BenchFlags, role: str) -> Document:
    return {"name": role, "count": flags.count, "client": {"client_id": _client_id(flags, role)}}


def _client_id(flags: BenchFlags, role: str) -> str:
    return f"{flags.prefix or 'mqtt-sim'}_bench_{role}_{_number(flags)}"


def _number(flags: BenchFlags) -> str:
    """The placeholder of a client's index: from 1 on, or after the start number."""
    return f"{{n+{flags.start_number}}}" if flags.start_number else "{n}"


def _sending(flags: SendingFlags, role: str, interval: float, qos: int, topic: str | None = None) -> Document:
    topic = flags.topic or topic
    if topic is None:
        raise UsageError("say where the messages go: -t TOPIC, for example -t bench/%i")
    publish: Document = {"topic": _with_placeholders(flags, topic, "-t"), "qos": qos}
    if flags.retain:
        publish["retain"] = True
    publish["rate"] = _rate(interval if flags.message_interval is None else flags.message_interval)
    if flags.limit:
        if flags.limit % flags.count:
            raise UsageError(
                f"-L {flags.limit}: should be a multiple of {flags.count}, since each of the {flags.count} clients "
                "sends as many as the others"
            )
        publish["messages"] = flags.limit // flags.count
    if flags.in_flight is not None:
        publish["in_flight"] = flags.in_flight
    return {**publish, "payload": _payload(flags)}


def _payload(flags: SendingFlags) -> Document:
    if flags.message is None:
        return {"kind": "size", "size": flags.size}
    text = flags.message
    if text.startswith(_TEMPLATE_FILE):
        file = text.removeprefix(_TEMPLATE_FILE)
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UsageError(f"-m {flags.message}: {getattr(error, 'strerror', None) or 'is no UTF-8 text'}") from None
    return {"kind": "template", "template": _with_placeholders(flags, text, "-m")}


def _feed(flags: ListeningFlags, number: int, topic_filter: str) -> Document:
    """One publisher for a filter, or one for each client when each has a filter of its own."""
    topic = topic_filter.replace("{client_id}", _client_id(flags, "sub"))
    topic = re.sub(r"[+#](?![0-9]*\})", "any", topic)  # not the + of a placeholder
    return {
        "name": "feed" if number == 0 else f"feed-{number + 1}",
        "count": flags.count if _number(flags) in topic else 1,
        "client": {"client_id": _client_id(flags, "{group}")},
        "topic": topic,
        "qos": flags.qos,
        "rate": _rate(flags.message_interval),
        "payload": {"kind": "size", "size": flags.size},
    }


def _rate(interval_ms: float) -> float | str:
    return 1000 / interval_ms if interval_ms else "max"


def _time_for(flags: SendingFlags, publish: Document) -> str:
    """Long enough for all messages where they are counted and paced: then the run ends with the last one."""
    rate = publish["rate"]
    if "messages" not in publish or rate == "max":
        return _DURATION
    return f"{min(math.ceil(publish['messages'] / rate) + _SPARE_S, _LONGEST_S)}s"


def _with_placeholders(flags: BenchFlags, text: str, flag: str) -> str:
    """emqtt-bench's placeholders as ours."""

    def ours(found: re.Match[str]) -> str:
        word = found[1]
        if word == "u":
            if flags.username is None:
                raise UsageError(f"{flag} {text}: %u needs a user name, -u NAME")
            return flags.username
        if word == "s" and flag == "-t":
            raise UsageError(f"{flag} {text}: the number of a message can stand in -m only; in a topic %i and %c can")
        return {"i": _number(flags), "c": "{client_id}", "s": "{seq}"}[word]

    return _PLACEHOLDER.sub(ours, text)
