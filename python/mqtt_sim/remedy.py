"""What to do about a failure that the core names: the part of its message that only this side can know."""

from __future__ import annotations

_REMEDIES: dict[str, tuple[tuple[str, str], ...]] = {
    "unreachable": (
        ("connection refused", "nothing listens there: look at host and port, or start a broker with mqtt-sim broker"),
    ),
    "tls": (
        ("unable to get", "name the CA that signed it with --set client.tls.ca=FILE"),
        ("self-signed", "name the CA that signed it with --set client.tls.ca=FILE"),
        ("mismatch", "use the name in the certificate, or set it with --set client.tls.server_name=NAME"),
        ("expired", "renew it, or look at the clock of this machine"),
        ("not yet valid", "look at the clock of this machine"),
        ("unsuitable certificate purpose", "it is not one for a server"),
        ("the peer ended the stream", "this port does not seem to speak TLS: try mqtt:// or ws://"),
        ("does not speak TLS", "try mqtt:// or ws://"),
        ("alert from peer: protocol version", "it speaks no version that is allowed here: see client.tls.min_version"),
        ("alert from peer: handshake failure", "perhaps no cipher in common, or it wants a client certificate"),
        ("alert from peer: no application protocol", "it knows none of client.tls.alpn"),
        ("alert from peer: unknown CA", "it does not know who signed client.tls.certificate"),
        ("alert from peer: unsupported certificate", "client.tls.certificate is not one for a client"),
        (
            "certificate required",
            "show one with --set client.tls.certificate=FILE --set client.tls.key=FILE",
        ),
    ),
    "upgrade": (
        ("the peer ended the stream", "this port does not seem to take WebSockets: try mqtt:// or mqtts://, or wss://"),
        ("404", "perhaps the path is another one: --set client.websocket.path=/PATH, or at the end of the URL"),
    ),
    "connect_timeout": (
        ("stream open timeout", "nothing answers there as it should: look at host and port, or raise connect.timeout"),
    ),
    "refused": (("closed by peer", "perhaps this port wants TLS (mqtts://) or a WebSocket (ws://)"),),
}


def remedy_for(kind: str, text: str) -> str:
    """What would help against a failure of that kind; empty when nobody knows."""
    return next((remedy for words, remedy in _REMEDIES.get(kind, ()) if words in text), "")
