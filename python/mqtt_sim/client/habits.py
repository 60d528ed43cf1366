"""What users of other clients try first, answered with what it is called here."""

from __future__ import annotations

from typing import Any, NoReturn

from mqtt_sim.errors import UsageError

_CALLED_HERE = {
    "loop_start": "nothing: the engine has a thread of its own",
    "loop_stop": "end()",
    "loop_forever": "async for message in client.messages(), or messages() of mqtt_sim.connect()",
    "disconnect": "end()",
    "end_async": "end()",
    "close": "end()",
    "connect_async": "start()",
    "username_pw_set": "the keywords username and password",
    "will_set": "the keyword will",
    "tls_set": "the keywords ca, cert and key, with a URL mqtts://",
    "message_callback_add": "messages(topic_filter)",
    "unsubscribe_all": "unsubscribe([...])",
    "add_listener": "on(event, handler)",
    "publish_async": "publish(), which can be awaited or left alone",
    "subscribe_async": "subscribe(), which can be awaited or left alone",
}


class _SetHandler:
    """paho's `client.on_message = function`, which would do nothing here."""

    def __init__(self, event: str) -> None:
        self._event = event

    def __set__(self, client: object, handler: object) -> NoReturn:
        raise UsageError(f'a handler is given by on(): client.on("{self._event}", handler)')


class Habits:
    """Mixed into clients of both kinds."""

    on_connect = _SetHandler("connect")
    on_disconnect = _SetHandler("close")
    on_message = _SetHandler("message")

    def __getattr__(self, name: str) -> Any:
        hint = f"; here it is {_CALLED_HERE[name]}" if name in _CALLED_HERE else ""
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")
