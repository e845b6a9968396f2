"""
What a server says when it refuses: status, explanation, and when to try again.

Shared by all clients, with a reactor and without.  Trust nothing about the server: what
is shown of its words is short, printable, and one line.

Nothing here does I/O or imports Twisted.
"""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import time

from twisted_sse.errors import TopicEnded, UnexpectedStatus

__all__ = ["MAX_START", "first_words", "topic_ended", "unexpected_status"]

#: The most of an error's body that is worth reading, in bytes.
MAX_START = 16 * 1024

# The most to show of it, in characters.
_MAX_WORDS = 300


def unexpected_status(status: int, body: bytes, retry_after: str) -> UnexpectedStatus:
    """
    Make the error for an answer that is not a success.

    Args:
        body: The answer's body, or its start.

        retry_after: The header ``Retry-After``, or "".
    """
    detail = _detail(body)
    line = _status_line(status)
    message = f"{line}: {detail}" if detail else f"{line}."
    return UnexpectedStatus(message, status, detail, _seconds(retry_after.strip()))


def topic_ended(status: int, body: bytes) -> TopicEnded | None:
    """
    Make the error for an answer that says that topics have ended; ``None`` if it says
    something else.
    """
    if status != 409:
        return None
    try:
        topics = json.loads(body)["ended"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if isinstance(topics, list) and topics and all(isinstance(one, str) for one in topics):
        return TopicEnded(topics)
    return None


def first_words(body: bytes) -> str:
    """
    Return the start of a body as one line of printable text.
    """
    return _words(body[:MAX_START].decode("utf-8", "replace"))


def _detail(body: bytes) -> str:
    try:
        # RFC 9457, 3.1.4: "detail" is a human-readable explanation.
        detail = json.loads(body)["detail"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return first_words(body)
    return _words(str(detail))


def _words(text: str) -> str:
    # A server may send control characters, which would reach logs and terminals.
    printable = (each if each.isprintable() else "\ufffd" for each in " ".join(text.split()))
    return "".join(printable)[:_MAX_WORDS]


def _status_line(status: int) -> str:
    try:
        return f"The server answered {status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return f"The server answered {status}"


def _seconds(retry_after: str) -> float | None:
    # RFC 9110, 10.2.3: "Retry-After = HTTP-date / delay-seconds".
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        # Dates at either end of the calendar have no timestamp.
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time())
    except (OSError, OverflowError, ValueError):
        return None
