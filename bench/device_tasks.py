#!/usr/bin/env python3
"""Tasks of asyncio that only wake up, as a yardstick for devices: device_tasks.py TASKS SECONDS

Each goes on once a second from a place by chance, and sends nothing. Prints `name=number` pairs.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time


async def main() -> None:
    """Wakes them up and prints what that cost."""
    tasks, seconds = int(sys.argv[1]), float(sys.argv[2])
    loop = asyncio.get_running_loop()
    late: list[float] = []
    begin, cpu_begin = loop.time(), time.thread_time()

    async def beat() -> None:
        due = begin + random.random()
        while due < begin + seconds:
            await asyncio.sleep(due - loop.time())
            late.append(loop.time() - due)
            due += 1

    await asyncio.gather(*(beat() for _ in range(tasks)))
    cpu_s = time.thread_time() - cpu_begin
    late.sort()
    print(
        f"beats={len(late)} cpu_us_per_beat={cpu_s / len(late) * 1e6:.2f} "
        f"late_ms_p50={late[len(late) // 2] * 1e3:.3f} late_ms_p99={late[len(late) * 99 // 100] * 1e3:.3f} "
        f"late_ms_max={late[-1] * 1e3:.3f}"
    )


if __name__ == "__main__":
    asyncio.run(main())
