"""The crawl page of the embedded broker: which listener serves it, what its link is, and how a run gets it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from mqtt_sim.errors import UsageError
from mqtt_sim.scenario.embedded_broker import EmbeddedBroker, is_loopback
from mqtt_sim.scenario.listener import Listener, WayIn
from mqtt_sim.scenario.listener_http import ListenerHttp
from mqtt_sim.scenario.model import Scenario

HISTORY = 50
"""Messages that a page opened in the middle of a run can show at once."""

_DEFAULT_TOPIC = "StarWars"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


def serves_page(way: WayIn) -> bool:
    """Whether the crawl page is there and can connect to where it came from."""
    return way.has_pages and "websocket" in way.protocols and way.unix is None


def page_url(way: WayIn, host: str, port: int, topics: Sequence[str] = ()) -> str:
    """The link to the crawl page; `topics` are filters, if not the page's own."""
    host = _EVERYWHERE.get(host, host)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    query = "&".join(f"topic={quote(topic, safe='/')}" for topic in topics)
    return f"{'http' if way.takes_plain else 'https'}://{place}/crawl" + (f"?{query}" if query else "")


def topics_of(scenario: Scenario) -> list[str]:
    """Filters that hear all that a scenario's clients publish; empty when the page asks for that by itself."""
    topics = [group.publishes.topic for group in scenario.groups if group.publishes is not None]
    firsts = {topic.split("/")[0] if isinstance(topic, str) else "{function}" for topic in topics}
    if firsts <= {_DEFAULT_TOPIC}:
        return []
    return ["#"] if any(re.search(r"[{$]", first) for first in firsts) else [f"{first}/#" for first in sorted(firsts)]


def with_page(scenario: Scenario) -> Scenario:
    """The scenario with a listener for the page, on loopback unless its broker has one, and the last messages kept.

    Raises UsageError when there can be none.
    """
    if scenario.target is not None:
        raise UsageError(
            "--page is served by the embedded broker, and this run has an outside one: leave out --broker (or the "
            "scenario's target), or run `mqtt-sim broker --port 8080 --set http.other_brokers=true` and open "
            "http://127.0.0.1:8080/crawl?url=ws://HOST:PORT/ with the WebSocket address of that broker"
        )
    broker = scenario.broker or EmbeddedBroker()
    if not any(serves_page(way) for _, way in broker.ways_in()):
        broker = _with_listener(broker)
    return scenario.model_copy(update={"broker": _with_history(broker)})


def page_listener(broker: EmbeddedBroker) -> int | None:
    """The number of the listener that serves the page."""
    return next((index for index, (_, way) in enumerate(broker.ways_in()) if serves_page(way)), None)


def _with_listener(broker: EmbeddedBroker) -> EmbeddedBroker:
    if broker.listeners:
        page = Listener(name="page", host="127.0.0.1", protocols=["http", "websocket"])
        return broker.model_copy(update={"listeners": [*broker.listeners, page]})
    if broker.unix is not None or (broker.http is not None and not broker.http.pages):
        raise UsageError("--page needs a port for HTTP: leave out broker.unix, and broker.http.pages if it is false")
    return broker.model_copy(update={"protocols": [*{*broker.protocols, "websocket", "http"}]})


def _with_history(broker: EmbeddedBroker) -> EmbeddedBroker:
    """Whoever can open the page may read the history; so there is none where reading asks for a name or a right."""
    ways = [way for _, way in broker.ways_in()]
    is_guarded = broker.users_file or broker.acl_file or broker.credentials or not broker.allow_anonymous
    if is_guarded or any(way.http is not None or not is_loopback(way.host or broker.host) for way in ways):
        return broker
    remembering = {"http": ListenerHttp(history=HISTORY)}
    if not broker.listeners:
        return broker.model_copy(update=remembering)
    listeners = [way.model_copy(update=remembering) if serves_page(way) else way for way in broker.listeners]
    return broker.model_copy(update={"listeners": listeners})
