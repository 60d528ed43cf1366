"""A service that answers requests, and clients that ask it: request and response of MQTT 5.0.

The clients measure each round trip; the result shows it as the metric "round trip".
"""

import asyncio

from mqtt_sim import Devices, Scenario
from mqtt_sim.errors import ResponseTimeout


async def service(client, context):
    """Adds up what it is sent, after thinking for a moment; several requests at a time."""

    async def answer(request):
        await asyncio.sleep(context.random.uniform(0.001, 0.005))
        await client.respond(request, str(sum(request.json())), qos=1)
        context.count("answered")

    await client.subscribe("service/add", qos=1)
    answering = set()
    async for request in client.messages("service/add"):
        task = asyncio.create_task(answer(request))
        answering.add(task)
        task.add_done_callback(answering.discard)


async def customer(client, context):
    """Asks at its own pace and checks the answer."""
    await asyncio.sleep(0.2)  # the service subscribes first
    async for _ in context.every(context.arguments["interval"]):
        numbers = [context.random.randrange(100) for _ in range(3)]
        begun = context.now()
        try:
            response = await client.request("service/add", str(numbers), timeout=2, qos=1)
        except ResponseTimeout:
            context.count("timed out")
            continue
        context.record("round trip", context.now() - begun)
        assert response.json() == sum(numbers), f"{numbers} gave {response.text()}"


scenario = Scenario(
    name="request_response",
    description="Twenty customers ask a service over MQTT 5.0 and measure each round trip; all are scripted devices.",
    duration="4s",
    drain="1s",
    client={"protocol_version": "5.0"},
    devices=[
        Devices(name="service", script=service),
        Devices(name="customer", count=20, script=customer, arguments={"interval": 0.2}),
    ],
    thresholds={"device_received": ["count>300"]},
)
