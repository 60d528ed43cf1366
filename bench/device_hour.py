#!/usr/bin/env python3
"""The devices of devices.json in virtual time, an hour of it or as long as told: device_hour.py [SECONDS]

Prints `name=number` pairs: messages sent, CPU of the whole process, in all and for a message, and its memory at most.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import mqtt_sim

SCENARIO = Path(__file__).with_name("devices.json")


def main() -> None:
    """One run."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0
    begin = time.monotonic()
    result = mqtt_sim.run(SCENARIO, sim=True, set={"duration": f"{seconds:g}s"})
    sent, usage = result.counts["device_sent"], resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = usage.ru_utime + usage.ru_stime
    print(
        f"messages={sent} cpu_s={cpu_s:.2f} wall_s={time.monotonic() - begin:.2f} "
        f"cpu_us_per_message={cpu_s / max(sent, 1) * 1e6:.2f} peak_bytes={usage.ru_maxrss * 1024}"
    )


if __name__ == "__main__":
    main()
