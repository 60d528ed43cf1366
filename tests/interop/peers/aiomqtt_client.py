"""aiomqtt as a client of a broker: goes through every level and QoS over one scheme; see ../matrix.py."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import AsyncExitStack
from typing import Any

import aiomqtt
from cell import (
    BURST,
    PATIENCE_S,
    SIZES,
    address_from_arguments,
    expect,
    payload_of,
    report,
    report_all,
    root_of,
)

ADDRESS = address_from_arguments()
VERSIONS = {3: aiomqtt.ProtocolVersion.V31, 4: aiomqtt.ProtocolVersion.V311, 5: aiomqtt.ProtocolVersion.V5}


def client_of(level: int, *, ca: str | None = ADDRESS.ca, will: aiomqtt.Will | None = None) -> aiomqtt.Client:
    return aiomqtt.Client(
        ADDRESS.host,
        ADDRESS.port,
        protocol=VERSIONS[level],
        transport="websockets" if ADDRESS.is_websocket else "tcp",
        websocket_path=ADDRESS.path if ADDRESS.is_websocket else None,
        tls_params=aiomqtt.TLSParameters(ca_certs=ca) if ADDRESS.is_tls else None,
        will=will,
        timeout=PATIENCE_S,
    )


async def next_of(client: aiomqtt.Client) -> Any:
    return await asyncio.wait_for(anext(client.messages), PATIENCE_S)


def granted(answer: Any) -> int:
    """Levels below 5 give numbers, level 5 reason codes."""
    return getattr(answer[0], "value", answer[0])


async def cell(level: int, qos: int) -> None:
    root = root_of("aiomqtt", level, qos)
    async with AsyncExitStack() as stack:
        hears = await stack.enter_async_context(client_of(level))
        speaks = await stack.enter_async_context(client_of(level))
        answer = granted(await hears.subscribe(f"{root}/#", qos))
        expect(answer == qos, f"SUBACK {answer}")
        for index, size in enumerate(SIZES):
            payload = payload_of(index, size)
            await speaks.publish(f"{root}/size", payload, qos)
            message = await next_of(hears)
            expect(message.payload == payload, f"payload of {size} bytes came as {len(message.payload)} others")
            expect((message.qos, message.retain) == (qos, False), f"came with {message.qos}, {message.retain}")

        await asyncio.gather(*(speaks.publish(f"{root}/burst", str(i), qos) for i in range(BURST)))
        heard = [int((await next_of(hears)).payload) for _ in range(BURST)]
        expect(heard == list(range(BURST)), f"the burst came as {heard}")

        await speaks.publish(f"{root}/state", b"kept", qos, retain=True)
        expect(not (await next_of(hears)).retain, "retain set for a subscriber who was there")
        late = await stack.enter_async_context(client_of(level))
        await late.subscribe(f"{root}/state", qos)
        kept = await next_of(late)
        expect((kept.retain, kept.payload, kept.qos) == (True, b"kept", qos), "the retained message did not wait")
        await speaks.publish(f"{root}/state", b"", qos, retain=True)
        await next_of(hears)

        await drop(client_of(level, will=aiomqtt.Will(f"{root}/will", b"gone", qos)))
        will = await next_of(hears)
        expect((will.topic.value, will.payload, will.qos) == (f"{root}/will", b"gone", qos), f"no will: {will.topic}")


async def drop(mortal: aiomqtt.Client) -> None:
    """Connects and ends the connection without a DISCONNECT, under whatever has been laid over the socket."""
    try:
        async with mortal:
            sock = mortal._client.socket()
            expect(sock is not None, "not connected")
            with socket.socket(fileno=os.dup(sock.fileno())) as own:
                own.shutdown(socket.SHUT_RDWR)
            await asyncio.wait_for(asyncio.shield(mortal._disconnected), PATIENCE_S)
    except aiomqtt.MqttError:
        pass


async def refuses_foreign_authority() -> None:
    try:
        async with client_of(4, ca=ADDRESS.foreign_ca):
            pass
    except aiomqtt.MqttError as error:
        expect("CERTIFICATE_VERIFY_FAILED" in str(error), f"another reason: {error}")
        return
    raise ValueError("connected to a broker whose authority it does not know")


logging.getLogger("mqtt").setLevel(logging.ERROR)  # it warns of every call that is not alone
with asyncio.Runner() as runner:
    report_all(lambda level, qos: runner.run(cell(level, qos)))
    if ADDRESS.foreign_ca:
        report({"check": "foreign authority"}, lambda: runner.run(refuses_foreign_authority()))
