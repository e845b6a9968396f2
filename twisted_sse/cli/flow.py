"""
Checks of a stream over time: keepalives, delays, ends, and resuming.

Pure: observations in, findings out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from twisted_sse.cli.findings import Finding, ok, problem, warning
from twisted_sse.cli.probe import Observation
from twisted_sse.client.confirmation import is_resumed
from twisted_sse.events.control import OPEN, RESET
from twisted_sse.events.event import ServerSentEvent

__all__ = ["Sent", "check_flow", "check_probes", "check_resume", "last_id"]

# Events that take longer are held back by something, in seconds.
_PROMPT = 1.0

# Proxies and mobile networks close connections that are silent for longer, in seconds:
# a minute is the default of nginx and of most load balancers.
_PROXY_TIMEOUT = 60.0

# The shortest silence before the end, in seconds, that suggests an idle timeout; after
# less, the server has ended the stream on purpose.
_SILENT = 0.5


class Sent(NamedTuple):
    """
    An event that was published as a test.

    Attributes:
        time: In seconds since the stream was requested.
    """

    time: float
    data: str


def check_flow(observation: Observation) -> Iterator[Finding]:
    """
    Check the keepalive, the reconnection time, and how the stream ended.
    """
    yield _retry(observation)
    if observation.closed is None:
        yield ok(f"The stream stayed open for the {observation.watched:.0f} s that it was watched.")
        yield _keepalive(observation)
        return
    last = max([one.time for one in observation.arrivals] + [observation.answered or 0.0])
    silence = observation.closed - last
    if silence < _SILENT:
        yield problem(
            f"The server ended the stream after {observation.closed:.1f} s.",
            "Keep the stream open: browsers reconnect after each end, and may miss events.",
        )
    else:
        yield problem(
            f"The stream was closed after {observation.closed:.1f} s, of which the last"
            f" {silence:.1f} s were silent: that looks like an idle timeout.",
            f"Send a comment more often than every {silence:.0f} s, or raise the timeout"
            " (in nginx: proxy_read_timeout).",
        )


def check_probes(sent: Sequence[Sent], observation: Observation) -> Finding:
    """
    Check that events arrive when they are published.
    """
    came = {one.event.data: one.time for one in observation.arrivals}
    # An event that was published just before the end had no time to come.
    sent = [one for one in sent if one.data in came or one.time + _PROMPT <= observation.watched]
    if not sent:
        return warning(
            "The stream was not watched for long enough to see events.", "Raise --seconds."
        )
    delays = [came[one.data] - one.time for one in sent if one.data in came]
    if len(delays) < len(sent):
        missing = len(sent) - len(delays)
        return problem(
            f"{missing} of {len(sent)} events did not come within {observation.watched:.0f} s:"
            " something buffers them.",
            "In nginx: proxy_buffering off. Exclude text/event-stream from compression.",
        )
    slowest = max(delays)
    if slowest > _PROMPT:
        return problem(
            f"Events came up to {slowest:.1f} s late: something buffers them.",
            "In nginx: proxy_buffering off. Exclude text/event-stream from compression.",
        )
    return ok(f"Events came at once: the slowest of {len(sent)} after {slowest * 1000:.0f} ms.")


def check_resume(
    event_id: str, known: Observation | None, unknown: Observation
) -> Iterator[Finding]:
    """
    Check that the stream can be resumed.

    Args:
        event_id: The last event ID that came; "" if none did.

        known: A request with that ID; ``None`` if none was made.

        unknown: A request with an ID that never existed.
    """
    if known is None:
        yield warning(
            "No event had an ID: a client that reconnects misses what was sent meanwhile.",
            "Send an ID with each event, and obey Last-Event-ID; or try again while events come.",
        )
    elif known.named(RESET):
        yield problem(
            f"The stream cannot be resumed after its own ID {event_id}: history has forgotten it.",
            "Keep more history, and share it among all servers of this address.",
        )
    elif (opening := known.named(OPEN)) is not None and is_resumed(opening):
        yield ok(f"The stream resumes after {event_id}, and says so.")
    else:
        yield warning(
            f"The server does not say whether it resumes after {event_id}.",
            "Only a hub does, with stream-open. For another server, check the events themselves.",
        )
    if unknown.named(RESET):
        yield ok(
            "A client that reconnects too late is told that events are missing (stream-reset)."
        )
    else:
        yield warning(
            "An unknown Last-Event-ID is accepted silently.",
            "Tell clients that reconnect too late; otherwise they miss events without knowing it.",
        )


def last_id(observation: Observation) -> str:
    """
    Return the last event ID of a stream from which it can be resumed, or "".
    """
    ids = [one.event.id for one in observation.arrivals if one.event.id not in (None, "earliest")]
    return (ids or [""])[-1] or ""


def _retry(observation: Observation) -> Finding:
    times = [one.event.retry for one in observation.arrivals if one.event.retry is not None]
    if not times:
        return ok("No retry is sent: browsers reconnect after a few seconds by default.")
    if times[-1] < 500:
        return warning(
            f"retry is {times[-1]} ms: all browsers reconnect at once when the server restarts.",
            "Send 1000 or more.",
        )
    return ok(f"retry is {times[-1]} ms: browsers reconnect after that time.")


def _keepalive(observation: Observation) -> Finding:
    start = observation.answered or 0.0
    times = [start, *(one.time for one in observation.arrivals)]
    ended = [one.time - before for before, one in zip(times, observation.arrivals, strict=False)]
    silences = [
        silence
        for silence, one in zip(ended, observation.arrivals, strict=True)
        if _is_comment(one.event)
    ]
    if not silences:
        longest = max([*ended, observation.watched - times[-1]])
        return warning(
            f"No keepalive has come in {longest:.0f} s of silence: proxies may close the"
            " connection, often after 60 s.",
            "Send a comment every 15 s; or watch for longer, with --seconds.",
        )
    interval = max(silences)
    if interval >= _PROXY_TIMEOUT:
        return warning(
            f"A keepalive comes every {interval:.0f} s: many proxies close the connection"
            " after 60 s.",
            "Send a comment every 15 s.",
        )
    return ok(f"A keepalive comes after {interval:.0f} s of silence.")


def _is_comment(event: ServerSentEvent) -> bool:
    return event.comment is not None and event.data is None
