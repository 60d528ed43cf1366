"""mosquitto_pub and mosquitto_sub as clients of a broker: every level and QoS over one scheme; see ../matrix.py.

They are a process a client, and a subscriber does not tell when it has subscribed: a retained message that waits for it
does.
"""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from cell import BURST, PATIENCE_S, SIZES, address_from_arguments, expect, payload_of, report, report_all, root_of

ADDRESS = address_from_arguments()
VERSIONS = {3: "mqttv31", 4: "mqttv311", 5: "mqttv5"}


def command(program: str, level: int, qos: int, *arguments: str, ca: str | None = ADDRESS.ca) -> list[str]:
    trust = ["--cafile", ca] if ADDRESS.is_tls and ca else []
    place = ["-h", ADDRESS.host, "-p", str(ADDRESS.port), *trust]
    return [program, *place, "-V", VERSIONS[level], "-q", str(qos), *arguments]


class Subscriber:
    """A mosquitto_sub that ends by itself after `count` messages or when patience does."""

    def __init__(self, level: int, qos: int, filter_: str, count: int, *more: str) -> None:
        ends = ("-C", str(count), "-W", str(int(PATIENCE_S)))
        self._process = subprocess.Popen(
            command("mosquitto_sub", level, qos, "-t", filter_, "-F", "%t %q %r %x %P", *ends, *more),
            stdout=subprocess.PIPE,
            text=True,
        )

    def next(self) -> tuple[str, int, bool, bytes, str]:
        """Topic, QoS, retain, payload, user properties."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        expect(line, f"no message within {PATIENCE_S} s")
        topic, qos, retain, payload, properties = line.rstrip("\n").split(" ", 4)
        return topic, int(qos), retain == "1", bytes.fromhex(payload), properties

    def close(self) -> None:
        """Without a DISCONNECT, when it has not ended by itself."""
        self._process.kill()
        self._process.communicate(timeout=PATIENCE_S)


def publish(level: int, qos: int, topic: str, *what: str, lines: str | None = None) -> None:
    done = subprocess.run(
        command("mosquitto_pub", level, qos, "-t", topic, *what),
        input=lines,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    expect(done.returncode == 0 and not done.stderr, f"mosquitto_pub: {done.stderr.strip()}")


def cell(level: int, qos: int) -> None:
    root = root_of("mosquitto", level, qos)
    mine = ("-D", "publish", "user-property", "from", "mosquitto") if level == 5 else ()
    with ExitStack() as stack, tempfile.NamedTemporaryFile() as file:

        def subscribed(filter_: str, count: int, *more: str) -> Subscriber:
            subscriber = Subscriber(level, qos, filter_, count, *more)
            stack.callback(subscriber.close)
            return subscriber

        publish(level, qos, f"{root}/state", "-m", "kept", "-r")
        hears = subscribed(f"{root}/#", 1 + len(SIZES) + BURST + 3)
        kept = hears.next()
        expect(kept == (f"{root}/state", qos, True, b"kept", ""), f"the retained message did not wait: {kept}")
        for index, size in enumerate(SIZES):
            payload = payload_of(index, size)
            Path(file.name).write_bytes(payload)
            publish(level, qos, f"{root}/size", *(("-f", file.name) if size else ("-n",)), *mine)
            message = hears.next()
            expect(
                message == (f"{root}/size", qos, False, payload, "from:mosquitto" if mine else ""),
                f"payload of {size} bytes: {message[:3]}",
            )

        publish(level, qos, f"{root}/burst", "-l", *mine, lines="".join(f"{i}\n" for i in range(BURST)))
        heard = [int(hears.next()[3]) for _ in range(BURST)]
        expect(heard == list(range(BURST)), f"the burst came as {heard}")

        publish(level, qos, f"{root}/state", "-n", "-r")
        hears.next()
        will = ("--will-topic", f"{root}/will", "--will-payload", "gone", "--will-qos", str(qos))
        publish(level, qos, f"{root}/mortal", "-m", "here", "-r")
        hears.next()
        mortal = subscribed(f"{root}/mortal", 2, *will)
        mortal.next()
        mortal.close()
        gone = hears.next()
        expect(gone == (f"{root}/will", qos, False, b"gone", ""), f"instead of a will {gone}")
        publish(level, qos, f"{root}/mortal", "-n", "-r")


def refuses_foreign_authority() -> None:
    failing = command("mosquitto_pub", 4, 0, "-t", "matrix/foreign", "-m", "x", ca=ADDRESS.foreign_ca)
    done = subprocess.run(failing, capture_output=True, text=True, timeout=PATIENCE_S)
    expect(done.returncode != 0 and "TLS error" in done.stderr, f"{done}")


report_all(cell)
if ADDRESS.foreign_ca:
    report({"check": "foreign authority"}, refuses_foreign_authority)
