"""DeviceStage: runs the scripts of a run, thousands of coroutines in one event loop on a thread of its own.

The loop is woken once for a batch of what happened to all devices, and goes from phase to phase with the engine:

    running     the scripts start at the run's time zero, their clients connected
    draining    the duration is over: `stopping` is set; scripts that do not watch it are cancelled
    finishing   all others are cancelled, then the clients end
    done        the loop ends

In virtual time the thread drives the engine; in real time the engine has threads of its own and never waits.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import closing
from contextvars import ContextVar
from typing import Any

from mqtt_sim.device.client import DeviceClient, DeviceHost
from mqtt_sim.device.context import Context, RunClock
from mqtt_sim.device.device import Device
from mqtt_sim.device.failure import Failures, describe, place_of
from mqtt_sim.device.group import ScriptedGroup
from mqtt_sim.device.loop import Pulse, RealLoop, VirtualLoop
from mqtt_sim.device.watch import BlockedLoop, Watch
from mqtt_sim.engine import EngineRun
from mqtt_sim.errors import ClientClosed
from mqtt_sim.quantity import NS_PER_S

CANCEL_PATIENCE_S = 1.0
"""How long cancelled scripts have for their last words; of the run's clock."""
END_PATIENCE_S = 0.5
"""How long a client lets what was ordered be sent and acknowledged."""
LOOK_PERIOD_S = 0.05
"""How often, in real time, the loop looks for what nobody is woken for."""
JOIN_PATIENCE_S = 3.0
"""How long the thread has to end once the run is over."""

_PHASES = ("connecting", "running", "draining", "finishing", "done")
_current: ContextVar[Device | None] = ContextVar("device", default=None)


class DeviceStage:
    """The scripts of one run. Started with it; watch() is called while it goes on."""

    def __init__(
        self, engine: EngineRun, groups: Sequence[ScriptedGroup], *, duration: float, seed: int, is_virtual: bool
    ) -> None:
        self._engine = engine
        self._groups = groups
        self._duration = duration
        self._seed = seed
        self._is_virtual = is_virtual
        self._pulse = Pulse()
        self._host = DeviceHost(engine.devices(), self._await_written, engine.set_stamping)
        self._thread = threading.Thread(target=self._run, name="mqtt-sim-devices", daemon=True)
        self._watch = Watch(self._pulse, self._thread, self._owner_of)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clock: RunClock | None = None
        self._devices: list[Device] = []
        self._owners: weakref.WeakKeyDictionary[Any, Device] = weakref.WeakKeyDictionary()
        self._is_set_up = threading.Event()
        self._running = 0
        self._has_ended_clients = False
        self._phase = "connecting"
        self._phase_waiter: asyncio.Future[None] | None = None
        self._cpu_s: float | None = None
        self.failures = Failures()

    # ---- from the thread of the run

    def start(self) -> None:
        """Makes the devices; their scripts start when all clients of the run are ready.

        In real time before the run starts, in virtual time after it. Returns when the devices are there.
        """
        self._thread.start()
        while not self._is_set_up.wait(0.1) and self._thread.is_alive():
            pass

    def give_up(self) -> None:
        """There will be no run."""
        if self._loop is not None and not self._loop.is_closed() and not self._is_virtual:
            self._loop.call_soon_threadsafe(self._enter, "done")

    @property
    def is_over(self) -> bool:
        """Whether the thread has ended."""
        return not self._thread.is_alive()

    def watch(self) -> None:
        """To be called several times a second: ends the run when a device does not let the loop go on."""
        if self._loop is None or self.failures.first is not None:
            return
        blocked = self._watch.look(self._loop)
        if blocked is not None:
            text = f"device {blocked.device} blocked the loop for {blocked.seconds:.1f} s; it should await"
            self.failures.end_run(text, file=blocked.file, line=blocked.line, device=blocked.device, at_s=self._now())
            self._watch.break_in()
            self._engine.abort()

    def join(self) -> None:
        """After the run. A thread that a device holds is left behind; it ends with the process at the latest."""
        self._thread.join(JOIN_PATIENCE_S)

    def report(self) -> dict[str, Any]:
        """What the report says of devices."""
        outcomes: dict[str, Counter[str]] = {group.name: Counter() for group in self._groups}
        for device in self._devices:
            outcomes[device.group.name][device.outcome] += 1
        measured = self._clock.measurements if self._clock is not None else None
        return {
            "groups": [
                {
                    "name": group.name,
                    "clients": group.count,
                    **{how: outcomes[group.name][how] for how in ("returned", "stopped", "failed", "running")},
                }
                for group in self._groups
            ],
            "counts": {} if measured is None else dict(sorted(measured.counts.items())),
            "metrics": {} if measured is None else measured.metrics(),
            "cpu_s": self._cpu_s,
        }

    def warnings(self) -> list[str]:
        """What a reader of the figures should know of the devices."""
        stuck = sum(device.outcome == "running" for device in self._devices)
        return [str(blocked) for blocked in list(self._watch.longest.values())[:10]] + (
            [f"{stuck} devices did not end when they were cancelled"] if stuck and self._phase == "done" else []
        )

    # ---- on the thread of the devices

    def _run(self) -> None:
        self._loop = loop = self._make_loop()
        try:
            asyncio.set_event_loop(loop)
            loop.set_task_factory(self._make_task)  # type: ignore[arg-type]
            loop.set_exception_handler(self._on_loop_error)
            loop.run_until_complete(self._play(loop))
        except BlockedLoop:
            pass  # has been told
        except BaseException as error:
            self._fail(_current.get(), error, ends_run=True)
            self._engine.abort()
        finally:
            gc.unfreeze()
            self._phase = "done"
            self._tidy(loop)

    def _await_written(self, number: int) -> None:
        self._engine.await_written(number)
        if self._loop is not None:
            self._loop.call_soon(self._take_news)

    def _make_loop(self) -> RealLoop | VirtualLoop:
        if self._is_virtual:
            return VirtualLoop(self._engine, self._pulse, self._host, self._take_news)
        loop = RealLoop(self._engine, self._pulse, self._host, self._take_news)

        def look() -> None:
            self._take_news()
            loop.call_later(LOOK_PERIOD_S, look)

        loop.call_soon(look)
        return loop

    async def _play(self, loop: RealLoop | VirtualLoop) -> None:
        self._clock = clock = RunClock(loop, duration=self._duration, seed=self._seed, go_on=self._engine.go_on)
        self._devices = list(self._make_devices(loop, clock))
        gate: asyncio.Future[None] = loop.create_future()
        self._set_up_scripts(loop, gate)
        gc.freeze()  # so many objects that stay would make each collection a pause
        self._is_set_up.set()
        self._take_news()
        await self._reach("running")
        _, start_ns = self._engine.stage()
        if start_ns is not None:
            clock.start = start_ns / NS_PER_S
            await asyncio.sleep(clock.start - loop.time())
            cpu_begin = time.thread_time()
            gate.set_result(None)  # nobody has been cancelled yet, which would cancel it for all
            await self._reach("draining")
            clock.stopping.set()
            self._cancel([device for device in self._devices if not device.context.watches_stopping])
            await self._reach("finishing")
            self._cpu_s = None if self._is_virtual else time.thread_time() - cpu_begin
            self._cancel(self._devices)
            tasks = [device.task for device in self._devices if device.task is not None and not device.task.done()]
            if tasks:
                await asyncio.wait(tasks, timeout=CANCEL_PATIENCE_S)
        await self._reach("finishing")
        self._has_ended_clients = True
        for device in self._devices:
            self._host.core.end(device.client.number, END_PATIENCE_S, 0, b"")
        await self._reach("done")

    def _make_devices(self, loop: asyncio.AbstractEventLoop, clock: RunClock) -> Any:
        number = 0
        for group in self._groups:
            for index in range(group.count):
                number += 1
                client = DeviceClient(
                    group.url,
                    number=number,
                    host=self._host,
                    loop=loop,
                    stamps=group.stamp,
                    protocol_version=group.protocol_version,
                )
                context = Context(
                    clock, number, group=group.name, index=index, size=group.count, arguments=group.arguments
                )
                context.prepare()
                yield Device(group, client, context)

    def _set_up_scripts(self, loop: asyncio.AbstractEventLoop, gate: asyncio.Future[None]) -> None:
        """All that takes time is done before time zero."""
        self._running = len(self._devices)
        for device in self._devices:
            token = _current.set(device)
            device.task = loop.create_task(self._live(device, gate), name=device.context.name)
            _current.reset(token)

    async def _live(self, device: Device, gate: asyncio.Future[None]) -> None:
        try:
            await gate
            device.context.client_id = device.client.client_id
            await device.group.script(device.client, device.context)
            device.outcome = "returned"
        except asyncio.CancelledError:
            device.outcome = "stopped"
        except (BlockedLoop, GeneratorExit):
            raise
        except BaseException as error:
            device.outcome = "failed"
            self._fail(device, error)
        finally:
            self._running -= 1
            self._engine.set_scripts_running(self._running)

    def _cancel(self, devices: Sequence[Device]) -> None:
        for device in devices:
            device.cancel()

    # ---- phases

    def _take_news(self) -> None:
        if not self._devices:
            return  # nobody to be told yet; it waits
        phase, _ = self._engine.stage()  # first: what happened before it has been entered is in the batch by now
        self._host.drain()
        if phase != self._phase:
            self._enter(phase)

    def _enter(self, phase: str) -> None:
        self._phase = phase
        if phase == "done" and isinstance(self._loop, VirtualLoop):
            self._loop.outlast_the_run()
        if self._phase_waiter is not None and not self._phase_waiter.done():
            self._phase_waiter.set_result(None)

    async def _reach(self, phase: str) -> None:
        while _PHASES.index(self._phase) < _PHASES.index(phase):
            self._phase_waiter = asyncio.get_running_loop().create_future()
            await self._phase_waiter

    def _tidy(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends what scripts have left: tasks of their own, generators."""
        if isinstance(loop, VirtualLoop):
            loop.outlast_the_run()
        try:
            left = [task for task in asyncio.all_tasks(loop) if not task.done()]
            for task in left:
                task.cancel()
            for work in ([asyncio.wait(left, timeout=CANCEL_PATIENCE_S)] if left else []) + [loop.shutdown_asyncgens()]:
                with closing(work):
                    loop.run_until_complete(work)
        except BaseException as error:
            self._fail(None, error)
        loop.set_exception_handler(lambda *_: None)
        loop.close()

    # ---- failures

    def _fail(self, device: Device | None, error: BaseException, *, ends_run: bool = False) -> None:
        if self._has_ended_clients and isinstance(error, ClientClosed):
            return  # of our making
        at_s = round(self._now(), 9)
        script_file = device.group.file if device is not None else ""
        file, line = place_of(error, script_file)
        if device is not None and device.group.on_error == "count" and not ends_run:
            self.failures.count(f"{file}:{line}: {describe(error)}", at_s)
            return
        name = device.context.name if device is not None else "unknown"
        where = f'device {name} (client "{device.client.client_id}")' if device is not None else "a script"
        unit = " of virtual time" if self._is_virtual else ""
        text = f"{where} at {at_s:.3f} s{unit}: {describe(error)}"
        self.failures.end_run(text, file=file, line=line, device=name, at_s=at_s, cause=error)
        self._engine.interrupt()

    def _now(self) -> float:
        clock = self._clock
        return 0.0 if clock is None or clock.start == 0.0 else clock.loop.time() - clock.start

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A handler that raised, or a task of a script that nobody awaits."""
        error = context.get("exception")
        client, task = context.get("client"), context.get("task") or context.get("future")
        device = next((one for one in self._devices if one.client is client), None) if client is not None else None
        if device is None and task is not None:
            device = self._owners.get(task)
        if isinstance(error, BaseException):
            self._fail(device, error)
        elif self._phase != "done":
            print(f"mqtt-sim: {context.get('message')}", file=sys.stderr)

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        """Remembers whose it is; what a device starts inherits that."""
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
        device = _current.get()
        if device is not None:
            self._owners[task] = device
        return task

    def _owner_of(self, task: Any) -> tuple[str, str] | None:
        device = self._owners.get(task)
        return None if device is None else (device.context.name, device.group.file)
