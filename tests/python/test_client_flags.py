"""The flags of `pub` and `sub`: which connection each describes, and how a message is printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from mqtt_sim.client.message import Message
from mqtt_sim.client.settings import read_options, read_urls
from mqtt_sim.command.client_flags import ClientFlags, join_properties
from mqtt_sim.command.message_format import for_terminal, parse_format
from mqtt_sim.command.property_flags import read_properties
from mqtt_sim.errors import UsageError

Cli = Callable[..., Any]


def words(*parts: str) -> str:
    return join_properties(["-D", *parts])[1]


# ---- where


@pytest.mark.req("Y-10")
@pytest.mark.parametrize(
    ("flags", "url"),
    [
        ({}, "mqtt://localhost"),
        ({"host": "h", "port": 18}, "mqtt://h:18"),
        ({"host": "::1"}, "mqtt://[::1]"),
        ({"host": "[::1]", "port": 18}, "mqtt://[::1]:18"),
        ({"protocol": "ws", "host": "h"}, "ws://h"),
        ({"ca": "ca.pem"}, "mqtts://localhost"),
        ({"insecure": True}, "mqtts://localhost"),
        ({"insecure": True, "protocol": "wss"}, "wss://localhost"),
        ({"url": "mqtt://ann:x@h:18/a/b%20c", "host": "other"}, "mqtt://ann:x@h:18"),
        ({"url": "mqtts://h"}, "mqtts://h"),
        ({"url": "ws://h/mqtt"}, "ws://h/mqtt"),
        ({"unix": "/tmp/a b.sock"}, "mqtt+unix:///tmp/a%20b.sock"),
    ],
)
def test_address(flags: dict[str, Any], url: str) -> None:
    address = ClientFlags(**flags).address()
    assert address == url
    assert read_urls(address, read_options({}))


def test_topic_may_stand_in_the_url() -> None:
    flags = ClientFlags(url="mqtt://h/a/b%20c")
    flags.address()
    assert flags.topic_of_url == "a/b c"
    flags = ClientFlags(url="ws://h/mqtt")
    flags.address()
    assert flags.topic_of_url is None


# ---- how


@pytest.mark.req("Y-10", "Y-11")
@pytest.mark.parametrize(
    ("flags", "options"),
    [
        ({}, {}),
        (
            {"client_id": "me", "username": "ann", "password": "x"},
            {"client_id": "me", "username": "ann", "password": "x"},
        ),
        ({"keep_alive": 5}, {"keep_alive": 5}),
        ({"keep_alive": 0}, {"keep_alive": 0}),
        ({"version": "mqttv31"}, {"protocol_version": "3.1"}),
        ({"version": "311"}, {"protocol_version": "3.1.1"}),
        ({"version": "5"}, {"protocol_version": "5.0"}),
        ({"no_clean": True, "client_id": "me"}, {"clean_start": False, "client_id": "me"}),
        (
            {"no_clean": True, "client_id": "me", "version": "5"},
            {
                "clean_start": False,
                "client_id": "me",
                "protocol_version": "5.0",
                "session_expiry_interval": 4_294_967_295,
            },
        ),
        ({"session_expiry": "60"}, {"protocol_version": "5.0", "session_expiry_interval": 60}),
        ({"session_expiry": "-1"}, {"protocol_version": "5.0", "session_expiry_interval": 4_294_967_295}),
        ({"ca": "a", "cert": "b", "key": "c"}, {"tls": {"ca": ["a"], "certificate": "b", "key": "c"}}),
        ({"insecure": True}, {"tls": {"reject_unauthorized": False}}),
        (
            {"will_topic": "w", "will_payload": "gone", "will_qos": 1, "will_retain": True},
            {"will": {"topic": "w", "payload": "gone", "qos": 1, "retain": True}},
        ),
        ({"will_topic": "w"}, {"will": {"topic": "w", "payload": "", "qos": 0, "retain": False}}),
        (
            {
                "properties": [
                    words("connect", "receive-maximum", "7"),
                    words("connect", "user-property", "a", "b"),
                    words("will", "will-delay-interval", "3"),
                    words("will", "content-type", "x"),
                    words("publish", "content-type", "y"),
                ],
                "will_topic": "w",
            },
            {
                "protocol_version": "5.0",
                "receive_maximum": 7,
                "user_properties": {"a": "b"},
                "will": {
                    "topic": "w",
                    "payload": "",
                    "qos": 0,
                    "retain": False,
                    "delay": 3,
                    "properties": {"content_type": "x"},
                },
            },
        ),
    ],
)
def test_options(flags: dict[str, Any], options: dict[str, Any]) -> None:
    assert ClientFlags(**flags).options() == options
    if "tls" not in options:
        read_options(options)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"version": "6"}, "-V 6: should be mqttv31, mqttv311 or mqttv5"),
        ({"session_expiry": "x"}, "-x x: should be a number of seconds"),
        ({"will_payload": "x"}, "a will needs its topic"),
        ({"will_retain": True}, "a will needs its topic"),
        ({"properties": [words("connect", "recieve-maximum", "7")]}, 'did you mean "receive-maximum"?'),
        ({"properties": [words("connect", "receive-maximum", "x")]}, "should be a number from 0 to 4294967295"),
        ({"properties": [words("will", "content-type", "x")]}, "a will needs its topic"),
    ],
)
def test_wrong_flags_are_told(flags: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as raised:
        ClientFlags(**flags).options()
    assert told in str(raised.value)


def test_protocol_that_there_is_not_is_told() -> None:
    with pytest.raises(UsageError, match="--protocol ftp: should be one of mqtt, mqtts, ws, wss"):
        ClientFlags(protocol="ftp").address()


@pytest.mark.req("Y-11")
def test_properties_take_three_words_or_four() -> None:
    arguments = ["-t", "x", "-D", "publish", "user-property", "a", "b", "-q", "1", "-D", "publish", "topic-alias", "4"]
    joined = join_properties([*arguments, "--", "-D", "x"])
    assert joined[:2] == ["-t", "x"]
    assert joined[4:6] == ["-q", "1"]
    assert joined[8:] == ["--", "-D", "x"]
    assert read_properties([joined[3], joined[7]], "publish") == {"user_property": [("a", "b")], "topic_alias": 4}
    assert read_properties([joined[3], joined[7]], "connect") == {}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["pub", "-t", "x", "-m", "y", "-D", "publish", "content-type"], "-D takes connect or publish"),
        (["pub", "-t", "x", "-m", "y", "-D", "puplish", "content-type", "x"], "-D takes connect or publish"),
        (["pub", "-t", "x", "-m", "y", "-D", "publish", "contenttype", "x"], 'did you mean "content-type"?'),
        (["pub", "-m", "y"], "say where the message goes: --topic TOPIC"),
        (["pub", "-t", "x"], "what is the message: give one of --message TEXT"),
        (["pub", "-t", "x", "-m", "y", "-n"], "one message only: give one of --message TEXT"),
        (["pub", "-t", "x", "y", "z"], 'what is "z"? A topic and a message are all'),
        (["pub", "-t", "x", "-f", "nowhere"], "--file nowhere: No such file"),
        (["pub", "-t", "x", "-l", "--repeat", "2"], "--repeat is for one message"),
        (["pub", "-t", "x", "-m", "y", "-q", "3"], "Invalid value for '--qos'"),
        (["pub", "-t", "a/#", "-m", "y", "-L", "mqtt:///x"], "mqtt:///x"),
        (["sub"], "say what to listen to: --topic FILTER"),
        (["sub", "-t", "a", "-v", "--json"], "each say how to print"),
        (["sub", "-t", "a", "-R", "--retained-only"], "give one of them"),
        (["sub", "-t", "a", "-F", "%y"], "-F: there is no %y; the letters are %t %p"),
        (["sub", "-t", "a", "-T", "#/a"], "-T #/a: is no topic filter"),
    ],
)
def test_wrong_use_is_told_before_anything_is_sent(cli: Cli, arguments: list[str], told: str) -> None:
    ended = cli(*arguments)
    assert (ended.exit_code, ended.out) == (2, "")
    assert told in " ".join(ended.err.replace("│", " ").split())


# ---- printing

PROPERTIES = {
    "content_type": "text/plain",
    "correlation_data": b"\x01c",
    "message_expiry_interval": 9,
    "payload_format_indicator": 1,
    "user_property": [("a", "b"), ("c", "d")],
    "response_topic": "back",
    "subscription_identifier": [3, 4],
}
FULL = Message("room/ü", b"21.5\x00\xff", 1, True, False, 7, 0, PROPERTIES)
PLAIN = Message("t", b'{"a": 1}', 0, False, False, 0, 0, None)
NOW = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)


@pytest.mark.req("Y-11", "D-12")
@pytest.mark.parametrize(
    ("text", "message", "printed"),
    [
        ("%p", FULL, b"21.5\x00\xff"),
        ("%t %q %r %m %l", FULL, "room/ü 1 1 7 6".encode()),
        ("%x %X", FULL, b"32312e3500ff 32312E3500FF"),
        ("%C|%D|%E|%F|%P|%R|%S", FULL, b"text/plain|\x01c|9|1|a:b c:d|back|3 4"),
        ("%C|%D|%E|%F|%P|%R|%S", PLAIN, b"||||||"),
        ("%I %U", PLAIN, b"2026-01-02T03:04:05+0000 1767323045.600000000"),
        ("%@H:%@M", PLAIN, b"03:04"),
        (r"100%% \n\t\\\e\0", PLAIN, b"100% \n\t\\\x1b\x00"),
        ("ü", PLAIN, "ü".encode()),
        ("", PLAIN, b""),
    ],
)
def test_format(text: str, message: Message, printed: bytes) -> None:
    assert parse_format(text)(message, NOW) == printed


def test_format_as_json() -> None:
    assert json.loads(parse_format("%j")(FULL, NOW)) == {
        "tst": "2026-01-02T03:04:05.600000+00:00",
        "topic": "room/ü",
        "qos": 1,
        "retain": 1,
        "payloadlen": 6,
        "mid": 7,
        "properties": {**PROPERTIES, "correlation_data": "\x01c", "user_property": [["a", "b"], ["c", "d"]]},
        "payload": "21.5\x00\ufffd",
    }
    assert json.loads(parse_format("%J")(PLAIN, NOW))["payload"] == {"a": 1}
    assert json.loads(parse_format("%j")(PLAIN, NOW))["payload"] == '{"a": 1}'
    assert json.loads(parse_format("%J")(FULL, NOW))["payload"] == "21.5\x00\ufffd"


@pytest.mark.parametrize("text", ["%", "%y", "%ü", "\\q", "a\\"])
def test_format_that_there_is_not_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="-F: there is no"):
        parse_format(text)


@pytest.mark.req("D-12")
def test_terminal_gets_no_control_characters() -> None:
    assert for_terminal(b"a\x1b[31mred\x07\ttab\nline\x7f\r") == b"a\\x1b[31mred\\x07\ttab\nline\\x7f\\x0d"
    assert for_terminal("ü\x9b2J".encode()) == "ü\\x9b2J".encode()
    assert for_terminal(b"\xff\xfe") == b"\\xff\\xfe"
