"""A game: players move and shoot, the server judges and tells everybody. All publish and all subscribe.

Beside it native clients keep the broker busy, and their messages are accounted for to the last one.
"""

import asyncio

from mqtt_sim import Consumers, Devices, Producers, Scenario

SIZE = 20


async def server(client, context):
    """Keeps the world, and publishes it ten times a second."""
    positions, scores = {}, {}

    async def judge():
        async for message in client.messages("game/players/#"):
            player = message.topic.rsplit("/", 1)[1]
            action = message.json()
            x, y = positions.get(player, (SIZE // 2, SIZE // 2))
            if "move" in action:
                dx, dy = action["move"]
                positions[player] = (min(SIZE, max(0, x + dx)), min(SIZE, max(0, y + dy)))
                continue
            hit = [other for other, place in positions.items() if other != player and place == (x, y)]
            scores[player] = scores.get(player, 0) + len(hit)
            for other in hit:
                context.count("hits")
                client.publish_json(f"game/events/{other}", {"hit_by": player}, qos=1)

    await client.subscribe("game/players/#", qos=1)
    judging = asyncio.create_task(judge())
    async for now in context.every(0.1, offset=0.1):
        client.publish_json("game/world", {"t": round(now, 3), "players": positions})
    judging.cancel()
    await client.publish_json("game/final", scores, qos=1, retain=True)


async def player(client, context):
    """Moves at random, shoots at whoever stands at the same place, and counts what it is told."""
    name = str(context.index)
    await client.subscribe({"game/world": 0, f"game/events/{name}": 1})

    async def watch():
        async for message in client.messages():
            if message.topic == "game/world":
                context.record("world age", max(0.0, context.now() - message.json()["t"]))
            else:
                context.count("was hit")

    watching = asyncio.create_task(watch())
    async for _ in context.every(0.2):
        action = {"shoot": True} if context.random.random() < 0.3 else {"move": context.random.choices([-1, 0, 1], k=2)}
        await client.publish_json(f"game/players/{name}", action, qos=1)
    watching.cancel()


scenario = Scenario(
    name="game_server",
    description="A game server and thirty players, each publisher and subscriber, beside native clients with a ledger.",
    duration="4s",
    drain="1s",
    devices=[Devices(name="server", script=server), Devices(name="player", count=30, script=player)],
    producers=[
        Producers(
            name="chat", count=5, topic="chat/{i}", rate=20.0, qos=1, payload={"kind": "template", "template": "hi {i}"}
        )
    ],
    consumers=[Consumers(name="readers", count=5, topic="chat/+", qos=1)],
    thresholds={"lost": ["count==0"], "device_sent": ["count>500"]},
)
