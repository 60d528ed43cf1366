"""What mqtt_sim.Client costs beside other MQTT libraries in Python, each in a process of its own at the same broker."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from measurements import Bench, Numbers
from processes import BenchError, run_bounded
from programs import SET_UP_S, numbers_in

LIBRARIES = ("mqtt_sim", "aiomqtt", "paho")
MESSAGES = {"receive": 200_000, "publish0": 50_000, "publish1": 50_000}
SCRIPT = Path(__file__).with_name("client_libraries.py")


def measure_python_client(bench: Bench) -> Numbers:
    """Messages for a CPU second of the library's process, for each library and each kind of work."""
    numbers: Numbers = {}
    with bench.programs.embedded_broker() as broker:
        for work, count in MESSAGES.items():
            for library in LIBRARIES:
                run = f"{library}_{work}"
                command = [sys.executable, str(SCRIPT), library, work, str(broker.port), str(count)]
                printed = numbers_in(run_bounded(bench.told(run, command, broker), 2 * SET_UP_S).output)
                if "messages_per_cpu_s" not in printed:
                    raise BenchError(f"{library} did not say what it did")
                numbers[f"{run}.messages_per_cpu_s"] = printed["messages_per_cpu_s"]
    numbers["python_import.ms"] = _import_ms(bench)
    return numbers


def _import_ms(bench: Bench) -> float:
    """Of `import mqtt_sim` alone, the interpreter's own start left out."""

    def spent(command: list[str]) -> float:
        began = time.perf_counter()
        run_bounded(command, SET_UP_S)
        return time.perf_counter() - began

    command = bench.told("python_import", [sys.executable, "-c", "import mqtt_sim"])
    return 1000 * (min(spent(command) for _ in range(5)) - min(spent([*command[:2], "pass"]) for _ in range(5)))
