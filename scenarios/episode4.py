"""episode4.json in Python: the same classes, the same Plan. Run it with `mqtt-sim scenarios/episode4.py`."""

from mqtt_sim import Consumers, Dialogue, Producers, Scenario

CAST = 1000

scenario = Scenario(
    name="episode4",
    description="1,000 speakers of dialogue, each with a listener of its own, and three critics who hear everything",
    seed=4,
    duration=20,
    producers=[
        Producers(
            name="cast",
            count=CAST,
            topic="StarWars/{i}",
            rate=1,
            payload=Dialogue(order="file", place="own"),
        )
    ],
    consumers=[
        Consumers(name="audience", count=CAST, topic="StarWars/{i}"),
        Consumers(name="critics", count=3, topic="StarWars/#"),
    ],
    thresholds={"latency": ["p(99)<500ms"], "lost": ["count==0"]},
)
