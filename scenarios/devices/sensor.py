"""A sensor that publishes readings and listens on its management topic; the control room that gives the instructions.

An instruction is JSON: {"interval": 0.02} changes the pace, {"pause": true} and {"pause": false} stop and go on, and
{"unit": "F"} changes what is measured. Several may stand in one message.
"""

import asyncio
import json
from contextlib import suppress


class Settings:
    """What instructions change."""

    def __init__(self, interval):
        self.interval = interval
        self.unit = "C"
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.changed = asyncio.Event()

    def obey(self, instruction):
        self.interval = float(instruction.get("interval", self.interval))
        self.unit = instruction.get("unit", self.unit)
        if "pause" in instruction:
            (self.goes_on.clear if instruction["pause"] else self.goes_on.set)()
        self.changed.set()


async def sensor(client, context):
    settings = Settings(context.arguments.get("interval", 0.1))
    temperature = context.random.uniform(15, 25)

    async def listen():
        async for message in client.messages():
            settings.obey(message.json())
            context.count("instructions obeyed")

    await client.subscribe(f"sensors/{context.index}/manage", qos=1)
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(listen())
        due = context.now()
        while not context.stopping.is_set():
            await settings.goes_on.wait()
            temperature += context.random.gauss(0, 0.1)
            shown = temperature if settings.unit == "C" else temperature * 9 / 5 + 32
            client.publish_json(f"sensors/{context.index}/data", {"t": round(shown, 2), "unit": settings.unit}, qos=1)
            settings.changed.clear()
            due += settings.interval
            with suppress(TimeoutError):
                await asyncio.wait_for(settings.changed.wait(), due - context.now())
                due = context.now()  # a new instruction counts at once, whatever the old interval was
        listening.cancel()


async def control_room(client, context):
    counts = {}

    async def listen():
        async for message in client.messages("sensors/+/data"):
            counts[message.topic] = counts.get(message.topic, 0) + 1

    async def rate(seconds):
        counts.clear()
        await context.sleep(seconds)
        return sum(counts.values()) / seconds / max(1, len(counts))

    await client.subscribe("sensors/+/data", qos=1)
    listening = asyncio.create_task(listen())
    sensors = context.arguments["sensors"]
    for instruction, expected in context.arguments["instructions"]:
        for index in range(sensors):
            await client.publish_json(f"sensors/{index}/manage", instruction, qos=1)
        await context.sleep(0.2)
        measured = await rate(1.0)
        context.count(f"after {json.dumps(instruction)}: messages per second of each sensor", round(measured))
        if abs(measured - expected) > max(1, expected / 5):
            raise AssertionError(f"{measured:.1f} messages per second after {instruction}, expected {expected}")
    listening.cancel()
