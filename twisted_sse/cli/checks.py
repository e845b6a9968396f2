"""
Checks of a response: its status, its headers, and its protocol version.

Pure: observations in, findings out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from twisted_sse.cli.findings import Finding, ok, problem, warning
from twisted_sse.cli.probe import Observation
from twisted_sse.events.media import EVENT_STREAM, media_type

__all__ = ["check_cors", "check_head", "check_headers", "check_stream", "check_version"]

# Headers that take longer are held back by something, in seconds.
_PROMPT = 1.0


def check_stream(observation: Observation) -> Iterator[Finding]:
    """
    Check that the answer is an event stream; if not, the last finding is a problem.
    """
    if observation.answered is None:
        yield _unanswered(observation)
    elif 300 <= observation.status < 400:
        where = observation.header("Location") or "an unknown URL"
        yield problem(
            f"The answer is {observation.status}, a redirect to {where}.", "Use that URL."
        )
    elif observation.status != 200:
        yield problem(
            f"The answer is {observation.status}: {_body_text(observation)}",
            _status_advice(observation.status),
        )
    elif media_type(observation.header("Content-Type")) != EVENT_STREAM:
        kind = observation.header("Content-Type") or "missing"
        yield problem(
            f"The answer is not an event stream: its Content-Type is {kind}.",
            "Check the path. Browsers accept only text/event-stream.",
        )
    else:
        yield ok("The answer is 200 and text/event-stream.")
        yield _promptness(observation.answered)


def check_headers(observation: Observation, compressed: Observation) -> Iterator[Finding]:
    """
    Check the headers that matter to proxies.

    Args:
        compressed: The same request with ``Accept-Encoding: gzip``.
    """
    control = observation.header("Cache-Control").lower()
    if "no-transform" in control:
        yield ok(f"Cache-Control is {control}: proxies may not change or compress the stream.")
    else:
        yield warning(
            "Cache-Control lacks no-transform, so proxies may compress the stream.",
            "Send Cache-Control: no-store, no-transform.",
        )
    encoding = compressed.header("Content-Encoding")
    if encoding and encoding != "identity":
        yield problem(
            f"Clients that accept gzip, as browsers do, get {encoding}, which holds events back.",
            "Exclude text/event-stream from compression (in nginx: from gzip_types).",
        )
    else:
        yield ok("The stream is not compressed, even for clients that accept gzip.")
    if "no" in observation.header("X-Accel-Buffering").lower():
        yield ok("X-Accel-Buffering is no: nginx does not hold events back.")
    elif "nginx" in observation.header("Server").lower():
        yield ok("The server is nginx, which does not pass X-Accel-Buffering on.")
    else:
        yield warning(
            "X-Accel-Buffering is not sent: nginx would hold events back.",
            "Send X-Accel-Buffering: no.",
        )


def check_version(observation: Observation, secure: bool, chosen: str | None) -> Finding:
    """
    Check the version of HTTP.

    Args:
        chosen: The protocol chosen by ALPN; ``None`` without TLS.
    """
    six = "Browsers open at most six connections to a host, so a seventh tab waits."
    if observation.version == "HTTP/1.0":
        return problem(
            "The answer is HTTP/1.0.", 'In nginx: proxy_http_version 1.1, and Connection "".'
        )
    if chosen == "h2":
        return ok("HTTP/2 is offered: a browser needs only one connection for all streams.")
    if secure:
        return warning(
            f"HTTP/2 is not offered. {six}", "Enable HTTP/2 in the TLS server (ALPN h2)."
        )
    return warning(
        f"Without TLS, browsers use {observation.version}. {six}",
        "Serve the stream over TLS, with HTTP/2.",
    )


def check_head(observation: Observation) -> Finding:
    """
    Check the answer to ``HEAD``.

    Args:
        observation: Of a ``HEAD`` request.
    """
    if observation.answered is None:
        return problem(
            "HEAD is not answered: the server starts a stream instead.",
            "Answer HEAD with the headers only.",
        )
    return ok(f"HEAD is answered with {observation.status}, without a stream.")


def check_cors(origin: str, observation: Observation, preflight: Observation) -> Iterator[Finding]:
    """
    Check what pages of *origin* may do.

    Args:
        preflight: Of an ``OPTIONS`` request for a request with a token.
    """
    allowed = observation.header("Access-Control-Allow-Origin")
    if allowed not in ("*", origin):
        others = f"only {allowed}" if allowed else "no other origin"
        yield problem(
            f"Pages of {origin} may not read the stream: it allows {others}.",
            f"Allow that origin (for a hub: --cors-origin {origin}).",
        )
        return
    if observation.header("Access-Control-Allow-Credentials") == "true" and allowed != "*":
        yield ok(f"Pages of {origin} may read the stream, also with cookies (withCredentials).")
    else:
        yield warning(
            f"Pages of {origin} may read the stream, but not with cookies (withCredentials).",
            "If the pages need cookies, allow credentials for that origin by name.",
        )
    headers = preflight.header("Access-Control-Allow-Headers").lower()
    if "authorization" in headers and preflight.status in (200, 204):
        yield ok("The preflight allows pages to send Authorization and Last-Event-ID.")
    else:
        yield warning(
            f"The preflight ({preflight.status or 'unanswered'}) does not allow pages to send"
            " Authorization.",
            "EventSource does not need it, but fetch with a token does: answer OPTIONS.",
        )


def _unanswered(observation: Observation) -> Finding:
    if observation.closed is not None:
        return problem(
            f"The connection was closed after {observation.closed:.1f} s without an answer:"
            f" {observation.reason}",
            "Check that the port speaks HTTP, and that the URL is right about TLS (http or https).",
        )
    return problem(
        f"No headers have come within {observation.watched:.0f} s:"
        " the server or a proxy waits for the first event.",
        "Write the headers at once. In nginx: proxy_buffering off.",
    )


def _promptness(answered: float) -> Finding:
    if answered < _PROMPT:
        return ok(f"Headers came at once, after {answered * 1000:.0f} ms.")
    return problem(
        f"Headers came only after {answered:.1f} s: the server or a proxy holds them back.",
        "Write the headers and a first comment at once. In nginx: proxy_buffering off.",
    )


def _status_advice(status: int) -> str:
    if status in (401, 403):
        return "Pass a token that may subscribe, with --token-file."
    if status == 400:
        return "If it is a hub, say which topics: --topic NAME."
    if status in (502, 504, *range(520, 525)):
        return "A proxy cannot reach the server: check that the server behind it runs."
    if status == 204:
        return "The server says that there is no stream: browsers do not reconnect."
    return "Check the path, and the server's log."


def _body_text(observation: Observation) -> str:
    try:
        # RFC 9457, 3.1.4: "detail" is a human-readable explanation.
        return str(json.loads(observation.body_start)["detail"])
    except (ValueError, TypeError, KeyError, RecursionError):
        text = " ".join(observation.body_start.decode("utf-8", "replace").split())
    return text or "the answer has no body."
