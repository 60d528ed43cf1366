"""What the Python client does in a second, against the embedded broker or the URL given; one line for each figure.

python bench/python_client.py [URL]
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import mqtt_sim

PAYLOAD = b"x" * 64


async def sequential(url: str, count: int = 5_000) -> float:
    """QoS 1, each publish awaited before the next."""
    async with mqtt_sim.Client(url) as client:
        began = time.perf_counter()
        for _ in range(count):
            await client.publish("bench", PAYLOAD, 1)
        return count / (time.perf_counter() - began)


async def concurrent(url: str, count: int = 100_000, tasks: int = 100) -> float:
    """QoS 1, a hundred tasks that each await their publishes."""
    async with mqtt_sim.Client(url) as client:

        async def work() -> None:
            for _ in range(count // tasks):
                await client.publish("bench", PAYLOAD, 1)

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(tasks)))
        return count / (time.perf_counter() - began)


async def receive(url: str, count: int = 300_000) -> float:
    """QoS 0 into `async for`, from another process."""
    async with mqtt_sim.Client(url, queue_limit=100_000) as client:
        await client.subscribe("bench/in")
        sender = await asyncio.create_subprocess_exec(sys.executable, __file__, "--send", url, str(count))
        stream = client.messages()
        await stream.get(30)
        began = time.perf_counter()
        received = 1
        async for _ in stream:
            received += 1
            if received == count:
                break
        rate = count / (time.perf_counter() - began)
        await sender.wait()
        return rate


async def send(url: str, count: int) -> None:
    """The other side of receive(), a process of its own."""
    async with mqtt_sim.Client(url) as client:
        for index in range(count):
            delivery = client.publish("bench/in", PAYLOAD)
            if index % 2000 == 1999:
                await delivery
        await client.flush()


def import_ms() -> float:
    """Of `import mqtt_sim` alone, the interpreter's own start left out."""

    def spent(code: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - began

    return 1000 * (min(spent("import mqtt_sim") for _ in range(5)) - min(spent("pass") for _ in range(5)))


def main() -> None:
    """All figures."""
    if sys.argv[1:2] == ["--send"]:
        asyncio.run(send(sys.argv[2], int(sys.argv[3])))
        return
    print(f"import mqtt_sim            {import_ms():>10.0f} ms")
    with mqtt_sim.Broker(max_queued=1_000_000, max_queued_bytes="1GB") as broker:
        url = sys.argv[1] if len(sys.argv) > 1 else broker.url
        for name, work in (("awaited one by one, QoS 1", sequential), ("100 tasks, QoS 1", concurrent)):
            print(f"{name:<26} {asyncio.run(work(url)):>10,.0f} round trips/s")
        print(f"{'into async for, QoS 0':<26} {asyncio.run(receive(url)):>10,.0f} messages/s")


if __name__ == "__main__":
    main()
