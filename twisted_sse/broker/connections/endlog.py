"""
Logs one line for each stream that ends: whose it was, why it ended, and what it was sent.

No topic is logged, because the name of a private topic may say too much.
"""

from __future__ import annotations

from twisted.logger import Logger

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason

__all__ = ["ACCESS_LOGGER", "log_end"]

#: The namespace of the lines about streams and requests.
ACCESS_LOGGER = "twisted_sse.access"

_log = Logger(namespace=ACCESS_LOGGER)


def log_end(connection: Connection, reason: EndReason) -> None:
    """
    Log the end of *connection*; a listener as `Hub.on_disconnect` takes it.

    The fields of the line are the names in its format.
    """
    selection = connection.topics
    _log.info(
        "{address} {user} stream ended: {reason}, after {seconds:.1f} s, {topics} topics, "
        "{events} events, {bytes} bytes",
        address=getattr(connection.address, "host", None) or "-",
        user=_shown(connection.user),
        reason=reason.value,
        seconds=connection.duration,
        topics="all" if selection.everything else len(selection.exact) + len(selection.patterns),
        events=connection.sent_events,
        bytes=connection.sent_bytes,
    )


def _shown(user: str | None) -> str:
    """
    Write *user* so that no name can look like another part of the line, or like another line.
    """
    if not user:
        return "-"
    return user if user.isprintable() and " " not in user else ascii(user)
