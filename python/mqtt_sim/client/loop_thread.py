"""How an event loop runs on a thread that is ours, where users' handlers must not end what others need, too."""

from __future__ import annotations

import asyncio


def run_until_stopped(loop: asyncio.AbstractEventLoop) -> None:
    """Ends by stop() alone: sys.exit() in a handler is reported, and the loop goes on."""
    while True:
        try:
            loop.run_forever()
            return
        except BaseException as error:
            message = "a handler cannot end the thread that calls it"
            loop.call_exception_handler({"message": message, "exception": error})
