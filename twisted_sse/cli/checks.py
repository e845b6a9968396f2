"""
What can be read from an answer: its status and its headers.

Pure: what was seen in, findings out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from twisted_sse.cli.findings import Finding, ok, problem, warning
from twisted_sse.cli.probe import Observation
from twisted_sse.events.media import EVENT_STREAM, media_type

__all__ = ["check_cors", "check_head", "check_headers", "check_stream", "check_version"]

# Headers that take longer wait for something, in seconds.
_AT_ONCE = 1.0


def check_stream(seen: Observation) -> Iterator[Finding]:
    """
    Whether it is an event stream at all; if not, the last finding is a problem.
    """
    if seen.answered is None:
        yield _unanswered(seen)
    elif 300 <= seen.status < 400:
        where = seen.header("Location") or "nowhere"
        yield problem(f"The answer is {seen.status}, to {where}.", "Ask that URL.")
    elif seen.status != 200:
        yield problem(f"The answer is {seen.status}: {_words(seen)}", _status_advice(seen.status))
    elif media_type(seen.header("Content-Type")) != EVENT_STREAM:
        kind = seen.header("Content-Type") or "not given"
        yield problem(
            f"This is no event stream: its Content-Type is {kind}.",
            "Check the path; a stream is text/event-stream, and browsers take nothing else.",
        )
    else:
        yield ok("The answer is 200 and text/event-stream.")
        yield _promptness(seen.answered)


def check_headers(seen: Observation, compressed: Observation) -> Iterator[Finding]:
    """
    What headers say to those in between.

    Args:
        compressed: The same request with ``Accept-Encoding: gzip``.
    """
    control = seen.header("Cache-Control").lower()
    if "no-transform" in control:
        yield ok(f"Cache-Control is {control}: nobody may change or compress it.")
    else:
        yield warning(
            "Cache-Control has no no-transform, so whoever is in between may compress.",
            "Send Cache-Control: no-store, no-transform.",
        )
    encoding = compressed.header("Content-Encoding")
    if encoding and encoding != "identity":
        yield problem(
            f"Who asks for gzip, as browsers do, gets {encoding}, which holds events back.",
            "Exclude text/event-stream from compression: in nginx, from gzip_types.",
        )
    else:
        yield ok("It is not compressed, even for who asks for gzip.")
    if "no" in seen.header("X-Accel-Buffering").lower():
        yield ok("X-Accel-Buffering is no: nginx would not hold it back.")
    elif "nginx" in seen.header("Server").lower():
        yield ok("nginx is in front, and keeps X-Accel-Buffering to itself.")
    else:
        yield warning(
            "X-Accel-Buffering is not sent: behind nginx, events would be held back.",
            "Send X-Accel-Buffering: no.",
        )


def check_version(seen: Observation, secure: bool, chosen: str | None) -> Finding:
    """
    Args:
        chosen: By ALPN; ``None`` if there was no TLS.
    """
    six = "Browsers open six connections to a host, and the seventh tab waits."
    if seen.version == "HTTP/1.0":
        return problem(
            "The answer is HTTP/1.0.", 'In nginx: proxy_http_version 1.1, and Connection "".'
        )
    if chosen == "h2":
        return ok("HTTP/2 is offered: a browser needs one connection for all its streams.")
    if secure:
        return warning(f"HTTP/2 is not offered. {six}", "Let the TLS server offer h2.")
    return warning(f"There is no TLS, so it is {seen.version}. {six}", "Serve TLS, with HTTP/2.")


def check_head(seen: Observation) -> Finding:
    """
    Args:
        seen: Of a ``HEAD`` request.
    """
    if seen.answered is None:
        return problem(
            "HEAD is not answered: the server begins a stream for it.",
            "Answer HEAD with the headers alone.",
        )
    return ok(f"HEAD is answered with {seen.status}, and ends.")


def check_cors(origin: str, seen: Observation, preflight: Observation) -> Iterator[Finding]:
    """
    What a page of *origin* may do.

    Args:
        preflight: Of an ``OPTIONS`` request for what needs one.
    """
    allowed = seen.header("Access-Control-Allow-Origin")
    if allowed not in ("*", origin):
        said = f"only {allowed}" if allowed else "no other origin"
        yield problem(
            f"Pages of {origin} may not read it: it allows {said}.",
            f"Allow that origin: for a hub, --cors-origin {origin}.",
        )
        return
    if seen.header("Access-Control-Allow-Credentials") == "true" and allowed != "*":
        yield ok(f"Pages of {origin} may read it, also with cookies (withCredentials).")
    else:
        yield warning(
            f"Pages of {origin} may read it, but not with cookies (withCredentials).",
            "If they need cookies, name the origin, and allow credentials.",
        )
    headers = preflight.header("Access-Control-Allow-Headers").lower()
    if "authorization" in headers and preflight.status in (200, 204):
        yield ok("A preflight lets them send Authorization and Last-Event-ID.")
    else:
        yield warning(
            f"A preflight ({preflight.status or 'unanswered'}) does not let them send"
            " Authorization.",
            "EventSource needs none; fetch with a token does: answer OPTIONS.",
        )


def _unanswered(seen: Observation) -> Finding:
    if seen.closed is not None:
        return problem(
            f"It was closed after {seen.closed:.1f} s, without an answer: {seen.reason}",
            "Check that this port speaks HTTP, with or without TLS as the URL says.",
        )
    return problem(
        f"No headers have come within {seen.watched:.0f} s: something waits for the first event.",
        "Write the headers at once; in nginx: proxy_buffering off.",
    )


def _promptness(answered: float) -> Finding:
    if answered < _AT_ONCE:
        return ok(f"Headers came at once, after {answered * 1000:.0f} ms.")
    return problem(
        f"Headers came after {answered:.1f} s: something holds them back.",
        "Write the headers and a first comment at once; in nginx: proxy_buffering off.",
    )


def _status_advice(status: int) -> str:
    if status in (401, 403):
        return "Give a token that may read, with --token-file."
    if status == 400:
        return "For a hub, say which topics: --topic NAME."
    if status in (502, 504):
        return "A proxy does not get through: check that the server behind it runs."
    if status == 204:
        return "The server says that there is no stream: browsers do not come back."
    return "Check the path, and the server's log."


def _words(seen: Observation) -> str:
    try:
        # RFC 9457: "detail" is for people.
        return str(json.loads(seen.beginning)["detail"])
    except (ValueError, TypeError, KeyError, RecursionError):
        text = " ".join(seen.beginning.decode("utf-8", "replace").split())
    return text or "it says nothing more."
