"""Runs and the process they are in: it forks, or it ends while a thread still has a run. No crash, no hang."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.net

START = """
import os, sys, threading, types
import mqtt_sim

scenario = mqtt_sim.load_scenario({
    "name": "long", "duration": "60s",
    "producers": [{"name": "p", "count": 3, "topic": "t/{i}", "rate": 50, "payload": {"kind": "size", "size": 64}}],
    "consumers": [{"name": "c", "count": 3, "topic": "t/{i}"}],
})
begun = threading.Event()

def note(snapshot):
    if snapshot["phase"] == "running":
        begun.set()

def run():
    mqtt_sim.run(scenario, on_snapshot=note)
"""

LEFT_BEHIND = """
class Slow:
    '''Holds up the end of the interpreter, without its lock.'''
    def __del__(self, sleep=__import__("time").sleep):
        sleep(1)

sys.modules["slow"] = types.ModuleType("slow")
sys.modules["slow"].slow = Slow()
for _ in range(2):
    threading.Thread(target=run, daemon=True).start()
assert begun.wait(20)
print("end")
"""

FORKED = """
threading.Thread(target=run, daemon=True).start()
assert begun.wait(20)
pid = os.fork()
if pid == 0:
    begun.clear()
    with mqtt_sim.Broker() as broker, mqtt_sim.connect(broker.url) as client:
        client.publish("t", "from the child", 1)
    sys.exit(5)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
begun.clear()
assert begun.wait(20), "the parent's run goes on"
print("end")
"""

FORKED_INSIDE = """
parent = os.getpid()

def fork_once(snapshot):
    if snapshot["phase"] != "running" or os.getpid() != parent or begun.is_set():
        return
    begun.set()
    pid = os.fork()
    if pid:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 6
        raise KeyboardInterrupt

try:
    mqtt_sim.run(scenario, on_snapshot=fork_once)
except mqtt_sim.CouldNotRun as error:
    assert os.getpid() != parent and "forked" in str(error), error
    sys.exit(6)
except KeyboardInterrupt:
    print("end")
"""


@pytest.mark.parametrize(
    "text",
    [LEFT_BEHIND, pytest.param(FORKED, marks=pytest.mark.forks), pytest.param(FORKED_INSIDE, marks=pytest.mark.forks)],
    ids=["left behind", "forked", "forked inside"],
)
def test_process_ends_well(text: str) -> None:
    done = subprocess.run([sys.executable, "-c", START + text], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")
