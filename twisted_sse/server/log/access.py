"""
Logs requests that are answered at once: publications, refusals, pages.

A stream is logged when it ends: `twisted_sse.broker.connections.endlog`.
"""

from __future__ import annotations

from twisted.logger import Logger
from twisted.web.server import Request

from twisted_sse.broker.connections.endlog import ACCESS_LOGGER

__all__ = ["log_request"]

_log = Logger(namespace=ACCESS_LOGGER)


def log_request(request: Request) -> None:
    """
    Log *request*, which has been answered, in the order of the combined log format.

    The query is left out, because it may contain topics and tokens.
    """
    _log.info(
        '{address} {user} "{method} {path} {protocol}" {status} {bytes} "{agent}"',
        address=getattr(request.getClientAddress(), "host", None) or "-",
        user=_shown(request.getUser()) or "-",
        method=_shown(request.method),
        path=_shown(request.path),
        protocol=_shown(request.clientproto),
        status=request.code,
        bytes=request.sentLength,
        agent=_shown(request.getHeader(b"User-Agent") or b"-"),
    )


def _shown(text: bytes) -> str:
    """
    Write what a client has sent so that it cannot forge a line or an end of quotes.
    """
    return text.decode("latin-1").encode("unicode_escape").decode("ascii").replace('"', r"\"")
