"""
Logs requests that are answered at once: publications, refusals, pages.

A stream is logged when it ends: `twisted_sse.broker.connections.endlog`.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger
from twisted.web.server import Request

from twisted_sse.broker.connections.endlog import ACCESS_LOGGER
from twisted_sse.web.logged import logged
from twisted_sse.web.topics import is_connection_name

__all__ = ["log_request"]

_log = Logger(namespace=ACCESS_LOGGER)

_LINE = '{address} {user} "{method} {path} {protocol}" {status} {bytes} "{agent}"'

# The URLs below this one end in topics and subscribers, as Mercure wants it.
_SUBSCRIPTIONS = b"/.well-known/mercure/subscriptions/"

# Those below this one may end in the name of a connection, which is a secret.
_EVENTS = b"/events/"


def log_request(request: Request) -> None:
    """
    Log *request*, which has been answered, in the order of the combined log format.

    Why a request was refused follows at the end: with 401, 403, 429 and 503.  The query
    is left out, because it may contain topics and tokens.
    """
    known = logged(request)
    fields: dict[str, Any] = {
        "address": getattr(request.getClientAddress(), "host", None) or "-",
        "user": _shown(_bytes(known.user) or request.getUser()) or "-",
        "method": _shown(request.method),
        "path": _shown(_without_secrets(request.path)),
        "protocol": _shown(request.clientproto),
        "status": request.code,
        "bytes": request.sentLength,
        "agent": _shown(request.getHeader(b"User-Agent") or b"-"),
    }
    if known.refusal is None:
        _log.info(_LINE, **fields)
    else:
        _log.info(_LINE + ' "{refusal}"', **fields, refusal=_shown(_bytes(known.refusal)))


def _without_secrets(path: bytes) -> bytes:
    if path.startswith(_SUBSCRIPTIONS):
        return _SUBSCRIPTIONS + b"..."
    name = path.removeprefix(_EVENTS)
    if name != path and is_connection_name(name.decode("latin-1")):
        return _EVENTS + b"..."
    return path


def _bytes(text: str | None) -> bytes:
    return (text or "").encode("utf-8", "replace")


def _shown(text: bytes) -> str:
    """
    Write what a client has sent so that it cannot forge a line or an end of quotes.
    """
    return text.decode("latin-1").encode("unicode_escape").decode("ascii").replace('"', r"\"")
