"""
How a subscriber asks for its events to be written: ``?envelope=``, ``?heartbeat=`` and
``?trace=``.
"""

from __future__ import annotations

from twisted_sse.broker.audiences.representation import PLAIN, Representation, representation_for
from twisted_sse.events.envelope import ENVELOPES
from twisted_sse.web.problem import Problem
from twisted_sse.web.query import Query

__all__ = ["format_of"]


def format_of(query: Query, keepalive: float | None) -> Representation:
    """
    The representation that *query* asks for.

    Args:
        keepalive: After how many seconds of silence the hub sends a keepalive; ``None``
            if it sends none.

    Raises:
        Problem: It asks for something that does not exist.
    """
    if query.envelope is None and query.heartbeat is None and query.trace is None:
        return PLAIN
    found = [one for one in ENVELOPES if one == query.envelope]
    if query.envelope is not None and not found:
        raise Problem(
            400,
            "Write envelope=topic to get each event's topics in its data, or envelope=type to get"
            " the topic in its type.",
        )
    if query.heartbeat not in (None, "event"):
        raise Problem(400, "Write heartbeat=event to get keepalives as events.")
    if query.heartbeat is not None and keepalive is None:
        raise Problem(400, "This hub sends no keepalives: leave out the parameter heartbeat.")
    if query.trace not in (None, "yes"):
        raise Problem(400, "Write trace=yes to get the traceparent of each event.")
    return representation_for(
        found[0] if found else None,
        heartbeat=query.heartbeat is not None,
        traced=query.trace is not None,
    )
