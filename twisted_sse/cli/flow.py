"""
What can be read from how a stream flows: what came when, and what did not.

Pure: what was seen in, findings out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from twisted_sse.cli.findings import Finding, ok, problem, warning
from twisted_sse.cli.probe import Observation
from twisted_sse.events.control import OPEN, RESET
from twisted_sse.events.event import ServerSentEvent

__all__ = ["Sent", "check_flow", "check_probes", "check_resume", "last_id"]

# An event that takes longer was held back, in seconds.
_AT_ONCE = 1.0

# Proxies and mobile networks cut what is silent for longer, in seconds: a minute
# is the default of nginx and of most load balancers.
_SILENCE = 60.0

# From the last word to the end; less is an end that somebody wanted.
_IDLE = 0.5


class Sent(NamedTuple):
    """
    An event that was published to see it come.

    Attributes:
        time: In seconds since the stream was asked for.
    """

    time: float
    data: str


def check_flow(seen: Observation) -> Iterator[Finding]:
    """
    Keepalive, reconnection time, and who closes when.
    """
    yield _retry(seen)
    if seen.closed is None:
        yield ok(f"It stayed open for the {seen.watched:.0f} s that it was watched.")
        yield _keepalive(seen)
        return
    last = max([one.time for one in seen.arrivals] + [seen.answered or 0.0])
    silence = seen.closed - last
    if silence < _IDLE:
        yield problem(
            f"The server ended it after {seen.closed:.1f} s.",
            "A stream stays open; browsers come back each time, and may miss events.",
        )
    else:
        yield problem(
            f"It was closed after {seen.closed:.1f} s, of which the last {silence:.1f} s were"
            " silent: that looks like an idle limit.",
            f"Send a comment more often than every {silence:.0f} s, or raise the limit"
            " (in nginx: proxy_read_timeout).",
        )


def check_probes(sent: Sequence[Sent], seen: Observation) -> Finding:
    """
    Whether events come when they are published.
    """
    came = {one.event.data: one.time for one in seen.arrivals}
    delays = [came[one.data] - one.time for one in sent if one.data in came]
    if len(delays) < len(sent):
        missing = len(sent) - len(delays)
        return problem(
            f"{missing} of {len(sent)} events did not come within {seen.watched:.0f} s:"
            " something collects them.",
            "In nginx: proxy_buffering off; and exclude text/event-stream from compression.",
        )
    slowest = max(delays)
    if slowest > _AT_ONCE:
        return problem(
            f"Events came up to {slowest:.1f} s late: something collects them.",
            "In nginx: proxy_buffering off; and exclude text/event-stream from compression.",
        )
    return ok(f"Events came at once: the slowest of {len(sent)} after {slowest * 1000:.0f} ms.")


def check_resume(
    event_id: str, known: Observation | None, unknown: Observation
) -> Iterator[Finding]:
    """
    Args:
        event_id: The last that was seen; "" if none was.

        known: Asked again with it; ``None`` if it was not.

        unknown: Asked with an ID that never was.
    """
    if known is None:
        yield warning(
            "No event had an ID: who loses the stream misses what is sent meanwhile.",
            "Send an ID with each event, and answer Last-Event-ID; or look while events come.",
        )
    elif known.named(RESET):
        yield problem(
            f"It does not go on after its own ID {event_id}: history has forgotten it.",
            "Keep more history, and the same behind every address.",
        )
    elif _is_resumed(known.named(OPEN)):
        yield ok(f"It goes on after {event_id}, and says so.")
    else:
        yield warning(
            f"Asked to go on after {event_id}, it does not say whether it does.",
            "Only a hub says it, with stream-open; else look at what comes.",
        )
    if unknown.named(RESET):
        yield ok("Who comes back too late is told that events are missing (stream-reset).")
    else:
        yield warning(
            "An unknown Last-Event-ID is taken without a word.",
            "Tell who comes back too late; else it misses events and does not know.",
        )


def last_id(seen: Observation) -> str:
    """
    The last event ID of a stream that can be resumed from; "" if there is none.
    """
    ids = [one.event.id for one in seen.arrivals if one.event.id not in (None, "earliest")]
    return (ids or [""])[-1] or ""


def _retry(seen: Observation) -> Finding:
    times = [one.event.retry for one in seen.arrivals if one.event.retry is not None]
    if not times:
        return ok("No retry is sent: browsers come back after a few seconds of their own.")
    if times[-1] < 500:
        return warning(
            f"retry is {times[-1]} ms: all browsers come back at once when the server restarts.",
            "Send a second or more.",
        )
    return ok(f"retry is {times[-1]} ms: browsers come back after that.")


def _keepalive(seen: Observation) -> Finding:
    start = seen.answered or 0.0
    words = [start, *(one.time for one in seen.arrivals)]
    ended = [one.time - before for before, one in zip(words, seen.arrivals, strict=False)]
    silences = [
        silence for silence, one in zip(ended, seen.arrivals, strict=True) if _is_comment(one.event)
    ]
    if not silences:
        longest = max([*ended, seen.watched - words[-1]])
        return warning(
            f"No keepalive has come in {longest:.0f} s of silence: whoever is in between may cut"
            " it, often after 60 s.",
            "Send a comment every 15 s; or look for longer, with --seconds.",
        )
    interval = max(silences)
    if interval >= _SILENCE:
        return warning(
            f"A keepalive comes every {interval:.0f} s: many proxies cut after 60 s.",
            "Send one every 15 s.",
        )
    return ok(f"A keepalive comes after {interval:.0f} s of silence.")


def _is_comment(event: ServerSentEvent) -> bool:
    return event.comment is not None and event.data is None


def _is_resumed(event: ServerSentEvent | None) -> bool:
    try:
        value = json.loads((event and event.data) or "null")
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("resumed") is True
