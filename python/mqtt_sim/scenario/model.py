"""What a scenario is: the classes behind both of its spellings, JSON and Python.

Immutable once made. Durations are seconds (float), whichever way they were written. What can be judged inside one part
is judged here; what needs the whole scenario is in check.py.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    field_validator,
    model_validator,
)

from mqtt_sim.broker_url import BrokerUrl, Transport, parse_broker_url
from mqtt_sim.errors import Fault, Faults
from mqtt_sim.scenario.check import check_scenario, check_thresholds
from mqtt_sim.scenario.embedded_broker import EmbeddedBroker
from mqtt_sim.scenario.fields import (
    Address,
    ClientId,
    Count,
    Duration,
    GroupName,
    KeepAlive,
    Limit16,
    MqttText,
    PacketSize,
    PositiveDuration,
    ProtocolVersion,
    ProxyUrl,
    Qos,
    Rate,
    ResponseTopic,
    SessionExpiry,
    Topic,
    TopicFilter,
    UserProperties,
    WholeSeconds,
    WillDelay,
    at_most,
)
from mqtt_sim.scenario.part import Part
from mqtt_sim.scenario.payload import Dialogue, FixedSize, MessageTopic, Payload, PythonFunction
from mqtt_sim.scenario.script import ScriptField
from mqtt_sim.scenario.transport import ClientTls, ClientWebSocket


class MessageProperties(Part):
    """What may travel beside topic and payload of a message; MQTT 5.0 only."""

    message_expiry: WholeSeconds | None = Field(
        None, description="the broker forgets the message after it; a message that it forgot counts as lost"
    )
    content_type: MqttText | None = Field(None, description='for example "application/json"')
    response_topic: ResponseTopic | None = Field(None, description="where an answer is to go")
    payload_format: Literal["bytes", "text"] | None = Field(None, description="what the payload says that it is")
    user_properties: UserProperties = Field({}, description="names and values, in their order")

    @field_validator("message_expiry")
    @classmethod
    def _expiry_fits_four_bytes(cls, value: float | None) -> float | None:
        return None if value is None else at_most(value, 4_294_967_295, "4294967295s, the longest expiry of MQTT")


class Will(Part):
    """The message that the broker sends when a client is lost."""

    topic: Topic = Field(description="where the will is published")
    payload: str = Field("", description="its text")
    qos: Qos = 0
    retain: bool = False
    delay: WillDelay = Field(0.0, description="how long the broker waits for the client to come back; 5.0 only")
    properties: MessageProperties | None = Field(None, description="5.0 only")


class Authentication(Part):
    """Enhanced authentication, where the broker proves itself, too; MQTT 5.0 only."""

    method: Literal["SCRAM-SHA-256"] = "SCRAM-SHA-256"
    username: str = Field(min_length=1)
    password: str = Field(description="never shown in a report")


class Client(Part):
    """How clients connect. A group's own `client` changes single fields of the scenario's."""

    transport: Transport | None = Field(None, description="tcp, tls, ws or wss; null: the scenario's")
    tls: ClientTls | None = Field(None, description="of the transports tls and wss")
    websocket: ClientWebSocket | None = Field(None, description="of the transports ws and wss")
    proxy: ProxyUrl | None = Field(
        None, description="URL of a proxy to go through: socks5, socks5h (which looks names up) or http; not in --sim"
    )
    protocol_version: ProtocolVersion = Field("3.1.1", description="MQTT 3.1, 3.1.1 or 5.0")
    clean_start: bool = Field(True, description="begin without an old session (3.1.1: clean session)")
    session_expiry_interval: SessionExpiry = Field(0.0, description="how long the broker keeps the session; 5.0 only")
    keep_alive: KeepAlive = Field(60.0, description="longest silence before a ping; 0s: none")
    client_id: ClientId = Field("{group}-{i}", description="client identifier; placeholders {i} {n} {group}")
    username: str | None = None
    password: str | None = Field(None, description="never shown in a report")
    will: Will | None = None
    reconnect_period: Duration = Field(0.0, description="pause before a lost connection is made again; 0s: never")
    reconnect_jitter: Literal["none", "full"] = Field(
        "none",
        description="none: that pause each time; full: drawn from nothing up to a pause that doubles, at most 30s",
    )
    receive_maximum: int = Field(
        65_535, ge=1, le=65_535, description="most QoS 1 and 2 messages on their way to a client"
    )
    maximum_packet_size: PacketSize | None = Field(None, description="largest packet a client takes; null: any")
    adopt_session: bool = Field(
        False, description="take over a session that an earlier run left; otherwise 5.0 asks a client to close"
    )
    authentication: Authentication | None = Field(None, description="5.0 only")
    user_properties: UserProperties = Field({}, description="of CONNECT; 5.0 only")
    topic_alias: Literal["off", "auto"] = Field(
        "off", description="auto: numbers instead of topics, if the broker agrees"
    )
    topic_alias_maximum: Limit16 = Field(0, description="most aliases the broker may use towards a client; 5.0 only")


Stamp = Literal["auto", "json", "trailer", "property", "none"]


class Publish(MessageProperties):
    """What a client sends, and when."""

    topic: MessageTopic = Field(
        description="placeholders {i} {n} {group} {client_id}; {speaker} with the order by-speaker; or a function"
    )
    qos: Qos = 0
    retain: bool = False
    rate: Rate = Field(1.0, description='messages per second of each client, or "max"')
    messages: int | None = Field(
        None, ge=1, le=2**32 - 2, description="most messages of each client; null: until the end"
    )
    in_flight: int = Field(100, ge=1, le=65_535, description='window of unanswered messages at QoS 1, 2 and rate "max"')
    payload: Payload = Field(default_factory=Dialogue, validate_default=True)
    stamp: Stamp = Field("auto", description="where run, stream, number and time travel; none: nothing is measured")

    @model_validator(mode="after")
    def _fits_together(self) -> Publish:
        faults = []
        if self.stamp == "json" and isinstance(self.payload, FixedSize):
            faults.append(Fault("stamp", 'a payload of kind "size" is no JSON; should be "auto" or "trailer"', "json"))
        by_speaker = isinstance(self.payload, Dialogue) and self.payload.order == "by-speaker"
        if isinstance(self.topic, str) and "{speaker}" in self.topic and not by_speaker:
            remedy = '{speaker} needs a payload of kind "dialogue" with "order": "by-speaker"'
            faults.append(Fault("topic", remedy, self.topic))
        if faults:
            raise Faults(faults)
        return self

    @property
    def functions(self) -> dict[str, PythonFunction]:
        """Those that say something of each message, by the field they stand for: "topic", "payload"."""
        return {
            field: value for field in ("topic", "payload") if isinstance(value := getattr(self, field), PythonFunction)
        }


class Subscribe(Part):
    """What a client listens to."""

    topic: TopicFilter | None = Field(None, description="one topic filter")
    topics: list[TopicFilter] | None = Field(None, min_length=1, description="or several")
    qos: Qos = Field(0, description="highest QoS asked for")
    no_local: bool = Field(False, description="not what the client itself published; 5.0 only")
    retain_as_published: bool = Field(False, description="keep the retain flag as it was sent; 5.0 only")
    retain_handling: Literal["send", "send_if_new", "do_not_send"] = Field(
        "send", description="whether retained messages come at subscribing; 5.0 only"
    )
    subscription_identifier: int | None = Field(
        None, ge=1, le=268_435_455, description="a number that the broker puts into matching messages; 5.0 only"
    )

    @model_validator(mode="after")
    def _one_spelling(self) -> Subscribe:
        if (self.topic is None) == (self.topics is None):
            both = self.topic is not None
            raise Faults([Fault("topic", 'give "topic" or "topics", not both' if both else 'give "topic" or "topics"')])
        return self

    @property
    def filters(self) -> list[str]:
        """All topic filters, with placeholders."""
        return [self.topic] if self.topic is not None else list(self.topics or [])


class Group(Part):
    """Clients that are alike."""

    name: GroupName
    count: Count = Field(1, description="how many clients")
    client: Client | None = Field(None, description="fields that differ from the scenario's client")

    @property
    def publishes(self) -> Publish | None:
        """What each client sends, if anything."""
        return None

    @property
    def subscribes(self) -> Subscribe | None:
        """What each client listens to, if anything."""
        return None


class Producers(Publish, Group):
    """Clients that publish."""

    name: GroupName = "producer"

    @property
    def publishes(self) -> Publish:
        return self


class Consumers(Subscribe, Group):
    """Clients that subscribe."""

    name: GroupName = "consumer"

    @property
    def subscribes(self) -> Subscribe:
        return self


class Devices(Group):
    """Clients that may publish, subscribe, do both, or just stay connected."""

    name: GroupName = "device"
    publish: Publish | None = None
    subscribe: Subscribe | None = None
    script: ScriptField | None = Field(
        None, description='what each client does, as "file.py:function" with async def function(client, context)'
    )
    arguments: dict[str, Any] = Field({}, description="what the script finds in context.arguments")
    on_error: Literal["fail", "count"] = Field(
        "fail", description="what an exception of the script does: end the run with exit code 107, or be counted"
    )
    stamp: bool = Field(False, description="whether what the script publishes is stamped, so that it counts in latency")

    @model_validator(mode="after")
    def _script_or_plan(self) -> Devices:
        faults = [
            Fault(name, "a script publishes and subscribes by itself; leave this out, or make another group")
            for name in ("publish", "subscribe")
            if self.script is not None and getattr(self, name) is not None
        ]
        if self.script is None and self.arguments:
            faults.append(Fault("arguments", 'they are for a "script", and there is none'))
        if self.script is None and self.stamp:
            faults.append(Fault("stamp", 'it is for a "script", and there is none; "publish" has a stamp of its own'))
        if faults:
            raise Faults(faults)
        return self

    @property
    def publishes(self) -> Publish | None:
        return self.publish

    @property
    def subscribes(self) -> Subscribe | None:
        return self.subscribe


def _read_url(url: str) -> str:
    parse_broker_url(url)
    return url


_Url = Annotated[str, AfterValidator(_read_url)]


class Target(Part):
    """An outside broker."""

    url: _Url = Field(description="mqtt://user:password@host:1883; also mqtts, ws, wss, and mqtt+unix:///path")
    others: list[_Url] = Field([], description="its URLs for other transports, which groups may choose")

    @model_validator(mode="after")
    def _one_of_each(self) -> Target:
        seen = [parse_broker_url(url).transport for url in (self.url, *self.others)]
        for index, transport in enumerate(seen[1:]):
            if transport in seen[: index + 1]:
                raise Faults(
                    [
                        Fault(
                            f"others[{index}]", f"another URL has the transport {transport} already", self.others[index]
                        )
                    ]
                )
        return self

    def url_of(self, transport: Transport | None) -> BrokerUrl | None:
        """The URL with that transport, the first one without a choice; None when there is none."""
        urls = [parse_broker_url(url) for url in (self.url, *self.others)]
        return next((url for url in urls if transport in (None, url.transport)), None)


class Link(Part):
    """The network of virtual time."""

    latency: Duration = Field(0.0002, description="one way")
    jitter: Duration = Field(0.0, description="most that chance adds")


class Connect(Part):
    """How connections are opened."""

    rate: float = Field(0.0, ge=0, le=1_000_000, description="connections per second; 0: unpaced")
    in_progress: int = Field(64, ge=1, le=100_000, description="most connections being opened at a time")
    timeout: PositiveDuration = Field(10.0, description="longest wait for a connection and its CONNACK")
    source_addresses: list[Address] = Field([], description="local addresses to connect from")


class CorpusSource(Part):
    """Where dialogues come from and how the file is read."""

    path: str | None = Field(None, min_length=1, description="relative to the scenario; null: the one that ships")
    header: Literal["skip", "as-record"] = "skip"
    parser: Literal["strict-unescape", "tutorial"] = "strict-unescape"
    strict: bool = Field(False, description="warnings become errors")


class GeneratorHealth(Part):
    """When a run is spoiled by the load generator itself."""

    lateness_warning: PositiveDuration = Field(0.01, description="warn when the p99 of lateness passes it")
    lateness_limit: PositiveDuration = Field(0.1, description="invalid when the p99 of lateness passes it")
    rate_shortfall_limit: float = Field(
        0.01, ge=0, le=1, description="invalid when more of the planned rate is missing"
    )
    on_invalid: Literal["fail", "warn"] = Field("fail", description="what an unhealthy generator does to the run")


class Scenario(Part):
    """A whole scenario: who connects, what they say, how long, and what must hold."""

    name: str = Field(min_length=1, max_length=200)
    description: str = ""
    seed: int = Field(1, ge=0, le=2**64 - 1, description="same seed, same schedule and payloads")
    duration: PositiveDuration = Field(10.0, description="how long messages are sent")
    warmup: Duration = Field(0.0, description="messages meant to leave before this are not measured")
    drain: Duration = Field(5.0, description="longest wait for messages still under way at the end")
    shards: int = Field(1, ge=1, le=64, description="threads that carry clients; not used in virtual time")
    broker: EmbeddedBroker | None = Field(None, description="the embedded broker, used when there is no target")
    target: Target | None = Field(None, description="an outside broker instead")
    transport: Transport | None = Field(
        None, description="how clients reach the broker: tcp, tls, ws or wss; null: as the target's URL, or tcp"
    )
    link: Link = Field(default_factory=Link)
    connect: Connect = Field(default_factory=Connect)
    client: Client = Field(default_factory=Client, description="defaults of all groups")
    corpus: CorpusSource = Field(default_factory=CorpusSource)
    producers: list[Producers] = Field(default_factory=list)
    consumers: list[Consumers] = Field(default_factory=list)
    devices: list[Devices] = Field(default_factory=list)
    thresholds: dict[str, list[str]] = Field(
        {}, description='what must hold, for example {"latency": ["p(99)<50ms"], "lost": ["count==0"]}'
    )
    generator: GeneratorHealth = Field(default_factory=GeneratorHealth)

    @model_validator(mode="before")
    @classmethod
    def _ignore_schema_reference(cls, value: Any) -> Any:
        if isinstance(value, dict) and "$schema" in value:
            return {key: item for key, item in value.items() if key != "$schema"}
        return value

    @field_validator("thresholds", mode="before")
    @classmethod
    def _check_thresholds(cls, value: Any) -> Any:
        if faults := check_thresholds(value):
            raise Faults(faults)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Scenario:
        if faults := check_scenario(self):
            raise Faults(faults)
        return self

    @property
    def groups(self) -> list[Producers | Consumers | Devices]:
        """All groups in the order in which a Plan holds them."""
        return [*self.producers, *self.consumers, *self.devices]

    @property
    def client_count(self) -> int:
        """Clients of all groups."""
        return sum(group.count for group in self.groups)

    @property
    def needs_corpus(self) -> bool:
        """Whether any group speaks lines of a dialogue corpus."""
        return any(group.publishes is not None and group.publishes.payload.needs_corpus for group in self.groups)

    def client_of(self, group: Group) -> Client:
        """How the clients of a group connect: the scenario's defaults with the group's own fields laid over them."""
        own = {name: getattr(group.client, name) for name in group.client.model_fields_set} if group.client else {}
        return self.client.model_copy(update=own)

    def transport_of(self, group: Group) -> Transport:
        """How the clients of a group reach the broker."""
        chosen = self.client_of(group).transport or self.transport
        if chosen is None and self.target is not None:
            chosen = parse_broker_url(self.target.url).transport
        return chosen or "tcp"

    def to_plan(self, *, sim: bool = False, seed: int | None = None, corpus_path: str | None = None) -> dict[str, Any]:
        """The Plan: every default filled in, every choice made, as it crosses into the core.

        `corpus_path` goes before the scenario's own; without both, the corpus that ships is named where one is needed.
        """
        from mqtt_sim.scenario.plan import make_plan

        return make_plan(self, sim=sim, seed=seed, corpus_path=corpus_path)
