"""ContentWriter: calls the payload and topic functions of a run, ahead of time, on a thread of its own.

The engine says which streams want how many messages next; what the functions return goes back in one call for many.
Whatever is due before it has come back is late, and counted (`content_late`); the engine does not wait. In virtual
time, which stands still meanwhile, it does.
"""

from __future__ import annotations

import sys
import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NoReturn

from mqtt_sim.content.answer import Topics, payload_of
from mqtt_sim.content.group import ContentFunction, ContentGroup
from mqtt_sim.content.message import MessageContext
from mqtt_sim.device.failure import Failures, describe, place_in, place_of
from mqtt_sim.device.watch import LIMIT_S, WARNING_S, BlockedLoop, break_into
from mqtt_sim.engine import EngineRun, load_core
from mqtt_sim.quantity import NS_PER_S

TAKE_PATIENCE_S = 0.5
"""Longest wait for what is wanted next."""
JOIN_PATIENCE_S = 3.0
"""How long the thread has to end once the run is over."""

Wanted = tuple[int, int, int, int]
"""Stream, number of the first message, how many, when it was asked for in ns of the run."""


class ContentWriter:
    """The functions of one run. Started before it; watch() is called while it goes on."""

    def __init__(self, engine: EngineRun, groups: Mapping[int, ContentGroup], *, is_virtual: bool) -> None:
        """`groups`: by their first streams."""
        self._engine = engine
        self._contents = engine.contents()
        self._groups = groups
        self._firsts = sorted(groups)
        self._is_virtual = is_virtual
        self._topics = Topics()
        self._thread = threading.Thread(target=self._run, name="mqtt-sim-content", daemon=True)
        self._current: tuple[ContentFunction, MessageContext] | None = None
        self._suspect: tuple[object, float] = (None, 0.0)
        self._blocked: dict[str, str] = {}
        self._calls: Counter[str] = Counter()
        self._messages: Counter[str] = Counter()
        self._batches = 0
        self._cpu_s: float | None = None
        self.failures = Failures()

    # ---- from the thread of the run

    def start(self) -> None:
        """Before the run starts: what its first messages say is asked for at once."""
        self._thread.start()

    def watch(self) -> None:
        """To be called several times a second: ends the run when a function does not return."""
        current, now = self._current, time.monotonic()
        if current is None or current is not self._suspect[0]:
            self._suspect = (current, now)
            return
        seconds = now - self._suspect[1]
        if seconds < WARNING_S or self.failures.first is not None:
            return
        function, message = current
        text = f"{_whose(message)}: the {function.field} function has not returned for {seconds:.1f} s"
        file, line = place_in(sys._current_frames().get(self._thread.ident or 0), function.file)
        self._blocked[str(function)] = f"{file}:{line}: {text}"
        if seconds >= LIMIT_S:
            self._fail(text, function, message, (file, line))
            break_into(self._thread)
            self._engine.abort()

    def stop(self) -> None:
        """The run is over, or never began. A thread that a function holds is left behind."""
        self._contents.close()
        self._thread.join(JOIN_PATIENCE_S)

    def report(self, measured: Mapping[str, Any]) -> dict[str, Any]:
        """What the report says of functions."""
        late = {group["name"]: group["counts"].get("content_late", 0) for group in measured.get("groups") or []}
        elapsed_s = float(measured.get("elapsed_s") or 0)
        share = None if self._cpu_s is None or elapsed_s == 0 else self._cpu_s / elapsed_s
        return {
            "groups": [
                {
                    "name": group.name,
                    **{field: str(function) for field, function in group.functions.items()},
                    "calls": self._calls[group.name],
                    "messages": self._messages[group.name],
                    "late": late.get(group.name, 0),
                }
                for group in self._groups.values()
            ],
            "batches": self._batches,
            "cpu_s": self._cpu_s,
            "cpu_share": share,
        }

    def warnings(self) -> list[str]:
        """Functions that were slow to return."""
        return list(self._blocked.values())[:10]

    # ---- on the thread of the functions

    def _run(self) -> None:
        try:
            while (wanted := self._contents.take(TAKE_PATIENCE_S)) is not None:
                if wanted:
                    self._batches += 1
                    self._put(self._compose(wanted))
                if not self._is_virtual:
                    self._cpu_s = time.thread_time()
        except (BlockedLoop, _Failed):
            pass  # has been told
        except BaseException as error:  # ours
            file, line = place_of(error, "")
            self.failures.end_run(describe(error), file=file, line=line, cause=error)
            self._engine.interrupt()
        finally:
            self._current = None
            self._contents.close()

    def _put(self, batch: list[tuple[int, list[str] | None, list[bytes] | None]]) -> None:
        if not self._contents.put(batch):
            limit = load_core().CONTENT_BYTES_LIMIT
            self._fail_current(ValueError(f"more than {limit:,} bytes of payloads wait to be sent; make them smaller"))
        self._current = None

    def _compose(self, wanted: Sequence[Wanted]) -> list[tuple[int, list[str] | None, list[bytes] | None]]:
        batch = []
        for first, requests in groupby(wanted, key=lambda one: self._firsts[bisect_right(self._firsts, one[0]) - 1]):
            group, of_group = self._groups[first], list(requests)
            messages = [
                message
                for stream, number, count, asked_ns in of_group
                for message in group.messages(stream - first, number, count, asked_ns / NS_PER_S)
            ]
            topics, payloads = self._say(group, messages)
            self._messages[group.name] += len(messages)
            begin = 0
            for stream, _, count, _ in of_group:
                own = slice(begin, begin + count)
                batch.append((stream, topics and topics[own], payloads and payloads[own]))
                begin += count
        return batch

    def _say(self, group: ContentGroup, messages: list[MessageContext]) -> tuple[list[str] | None, list[bytes] | None]:
        topics: list[str] | None = None
        if (of_topic := group.functions.get("topic")) is not None:
            topics = self._ask(group, of_topic, messages, self._topics.check)
            for message, topic in zip(messages, topics, strict=True):
                message.topic = topic
        if (of_payload := group.functions.get("payload")) is None:
            return topics, None
        return topics, self._ask(
            group, of_payload, messages, lambda answer: payload_of(answer, needs_object=group.needs_object)
        )

    def _ask(self, group: ContentGroup, function: ContentFunction, messages: list[MessageContext], judge: Any) -> Any:
        """One answer for each message."""
        for message in messages:
            message.arguments = function.arguments
        if not function.is_batch:
            self._calls[group.name] += len(messages)
            return [self._judge(function, message, judge, self._call(function, message)) for message in messages]
        self._calls[group.name] += 1
        self._current = (function, messages[0])
        answers = self._guard(function.call, messages)
        if not isinstance(answers, list | tuple) or len(answers) != len(messages):
            found = f"{len(answers)} items" if isinstance(answers, list | tuple) else type(answers).__name__
            self._fail_current(ValueError(f"should return a list of {len(messages)} items, and returned {found}"))
        return [
            self._judge(function, message, judge, answer) for message, answer in zip(messages, answers, strict=True)
        ]

    def _call(self, function: ContentFunction, message: MessageContext) -> Any:
        self._current = (function, message)
        return self._guard(function.call, message)

    def _guard(self, call: Any, argument: Any) -> Any:
        try:
            return call(argument)
        except BlockedLoop:
            raise
        except BaseException as error:
            self._fail_current(error)

    def _judge(self, function: ContentFunction, message: MessageContext, judge: Any, answer: Any) -> Any:
        try:
            return judge(answer)
        except ValueError as error:
            self._fail(f"{_whose(message)}: {error}", function, message, (function.file, function.line), error)
            raise _Failed from None

    # ---- failures

    def _fail_current(self, error: BaseException) -> NoReturn:
        assert self._current is not None, error
        function, message = self._current
        is_theirs = error.__traceback__ is not None and error.__traceback__.tb_next is not None
        place = place_of(error, function.file) if is_theirs else (function.file, function.line)
        self._fail(f"{_whose(message)}: {describe(error)}", function, message, place, error)
        raise _Failed

    def _fail(
        self,
        text: str,
        function: ContentFunction,
        message: MessageContext,
        place: tuple[str, int],
        cause: BaseException | None = None,
    ) -> None:
        where = {"group": message.group, "client": message.client_id, "message": message.seq}
        self.failures.end_run(text, file=place[0], line=place[1], cause=cause, **where)
        self._engine.interrupt()  # before anybody is let go on without contents
        self._contents.close()


class _Failed(Exception):
    """What was wrong has been told."""


def _whose(message: MessageContext) -> str:
    return f'group {message.group}, client {message.index} ("{message.client_id}"), message {message.seq}'
