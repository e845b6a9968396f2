"""
Traces: how an event tells which trace its publication belongs to.

Follows https://www.w3.org/TR/trace-context/.  Every history keeps the comment of an
event, so a trace is the first line of that: ``traceparent 00-…-…-01``.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

import re
from dataclasses import replace

from twisted_sse.events.event import ServerSentEvent

__all__ = ["TRACEPARENT", "is_traceparent", "split_trace", "trace_line", "with_trace"]

#: The name of the header, and of the member of an envelope.
TRACEPARENT = "traceparent"

_PREFIX = f"{TRACEPARENT} "

# Trace Context, 3.2.2: version, trace-id, parent-id, trace-flags.  "ff" is no version, and
# IDs of zeros are invalid.
_VALUE = re.compile(
    "(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)


def is_traceparent(text: str) -> bool:
    """
    Whether *text*, which a client has sent, is the value of a header ``traceparent``.
    """
    return _VALUE.fullmatch(text) is not None


def with_trace(event: ServerSentEvent, traceparent: str) -> ServerSentEvent:
    """
    Add a trace to *event*.
    """
    own = "" if event.comment is None else f"\n{event.comment}"
    return replace(event, comment=f"{_PREFIX}{traceparent}{own}")


def split_trace(event: ServerSentEvent) -> tuple[ServerSentEvent, str | None]:
    """
    Return *event* without its trace, and the trace, if it has one.
    """
    comment = event.comment
    if comment is None or not comment.startswith(_PREFIX) or event.data is None:
        return event, None
    first, line_end, own = comment.partition("\n")
    traceparent = first.removeprefix(_PREFIX)
    if not is_traceparent(traceparent):
        return event, None
    return replace(event, comment=own if line_end else None), traceparent


def trace_line(traceparent: str | None) -> bytes:
    """
    Return the line of a frame that tells a trace; nothing if there is none.
    """
    return b"" if traceparent is None else f": {_PREFIX}{traceparent}\n".encode("ascii")
