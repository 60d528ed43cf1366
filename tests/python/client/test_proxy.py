"""Clients behind a proxy: SOCKS5 and HTTP CONNECT, every transport, and what is said when it lets nobody through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_server import recorder
from outside import free_port
from stub_proxy import StubProxy, stub_proxy

import mqtt_sim

Run = Callable[[Any], Any]
LOGIN = ("user", "secret")


@pytest.fixture
def proxy() -> Iterator[StubProxy]:
    with stub_proxy() as running:
        yield running


@pytest.mark.req("Y-09")
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "http"])
@pytest.mark.parametrize("transport", ["mqtt", "mqtts", "ws", "wss"])
def test_every_transport_through_every_proxy(
    run: Run, broker: mqtt_sim.Broker, proxy: StubProxy, scheme: str, transport: str
) -> None:
    async def work() -> None:
        options: dict[str, Any] = {"ca": broker.ca_pem} if transport in ("mqtts", "wss") else {}
        url = broker.url_for(transport).replace("127.0.0.1", "localhost")
        async with mqtt_sim.Client(url, proxy=proxy.url(scheme), **options) as client:
            await client.subscribe("t", 1)
            await client.publish("t", b"x" * 200_000, 1)
            assert len((await client.messages().get(30)).payload) == 200_000

    run(work())
    [(host, port)] = proxy.asked
    assert port == broker.port
    assert (host in ("127.0.0.1", "::1")) if scheme == "socks5" else host == "localhost"


@pytest.mark.req("Y-09")
@pytest.mark.parametrize("scheme", ["socks5", "http"])
def test_login(run: Run, broker: mqtt_sim.Broker, scheme: str) -> None:
    async def work() -> None:
        with stub_proxy(LOGIN) as proxy:
            async with mqtt_sim.Client(broker.url, proxy=proxy.url(scheme, LOGIN)) as client:
                await client.publish("t", "x", 1)
            for login, words in ((None, "it wants a login"), (("user", "wrong"), "wrong user name or password")):
                with pytest.raises(mqtt_sim.ConnectError, match=words) as refused:
                    await mqtt_sim.Client(broker.url, proxy=proxy.url(scheme, login)).connect()
                assert "secret" not in str(refused.value)
            assert len(proxy.asked) == 1

    run(work())


@pytest.mark.parametrize(("scheme", "words"), [("socks5", "target refused"), ("http", "502 Bad Gateway")])
def test_target_that_the_proxy_cannot_reach(run: Run, proxy: StubProxy, nobody: str, scheme: str, words: str) -> None:
    async def work() -> None:
        with pytest.raises(mqtt_sim.ConnectError, match=words):
            await mqtt_sim.Client(nobody, proxy=proxy.url(scheme)).connect()

    run(work())


def test_proxy_that_is_not_there_is_named(run: Run, broker: mqtt_sim.Broker) -> None:
    port = free_port()

    async def work() -> None:
        with pytest.raises(mqtt_sim.ConnectError, match=f"proxy 127.0.0.1:{port}"):
            await mqtt_sim.Client(broker.url, proxy=f"socks5://127.0.0.1:{port}").connect()

    run(work())


@pytest.mark.parametrize("scheme", ["socks5", "http"])
def test_proxy_that_is_something_else_is_told(run: Run, broker: mqtt_sim.Broker, scheme: str) -> None:
    """The broker itself stands in for it."""

    async def work() -> None:
        with pytest.raises(mqtt_sim.ConnectError, match="proxy"):
            await mqtt_sim.Client(broker.url, proxy=f"{scheme}://127.0.0.1:{broker.port}").connect(timeout=20)

    run(work())


def test_every_attempt_goes_through_the_proxy(run: Run, broker: mqtt_sim.Broker, proxy: StubProxy) -> None:
    async def work() -> None:
        client = mqtt_sim.Client(broker.url, proxy=proxy.url("socks5"), client_id="again", reconnect_period=0.05)
        seen = recorder(client, "connect")
        await client.connect()
        broker.clients["again"].close()
        while len(seen) < 2:
            await client.publish("t", "x", 1)
        await client.end()

    run(work())
    assert len(proxy.asked) >= 2


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("mqtt://h", {"proxy": "socks4://h"}, "socks5://user:password@host:1080"),
        ("mqtt://h", {"proxy": "h:1080"}, "should look like"),
        ("mqtt://h", {"proxy": "socks5://"}, "should look like"),
        ("mqtt://h", {"proxy": "socks5://h:0"}, "should look like"),
        ("mqtt://h", {"proxy": "socks5://h/path"}, "nothing should follow the port"),
        ("mqtt://h", {"proxy": f"socks5://{'u' * 256}@h"}, "at most 255 bytes"),
        ("mqtt+unix:///run/mqtt", {"proxy": "socks5://h"}, "leave it out"),
    ],
)
def test_wrong_proxy_says_what_is_right(run: Run, url: str, options: dict[str, Any], words: str) -> None:
    async def work() -> None:
        with pytest.raises(mqtt_sim.UsageError, match=words):
            mqtt_sim.Client(url, **options).start()

    run(work())


@pytest.mark.req("Y-09")
def test_clients_of_a_scenario(broker: mqtt_sim.Broker, proxy: StubProxy) -> None:
    result = mqtt_sim.run(
        {
            "name": "proxied",
            "duration": "1s",
            "target": {"url": broker.url},
            "client": {"proxy": proxy.url("socks5", LOGIN)},
            "producers": [{"count": 2, "topic": "t/{i}", "rate": 10, "qos": 1}],
            "consumers": [{"count": 1, "topic": "t/+"}],
        }
    )
    assert result.lost == 0
    assert len(proxy.asked) == 3
    assert LOGIN[1] not in str(result.to_dict())


@pytest.mark.req("Y-09")
def test_commands_take_it(broker: mqtt_sim.Broker, proxy: StubProxy, cli: Any) -> None:
    done = cli("pub", "--url", broker.url, "-t", "t", "-m", "x", "-q", "1", "--proxy", proxy.url("http"))
    assert done.exit_code == 0, done.err
    assert proxy.asked == [("127.0.0.1", broker.port)]
