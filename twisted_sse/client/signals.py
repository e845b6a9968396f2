"""
What a stream is made of for who reads it: events, and what happens between them.

Values only.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from twisted.web.http_headers import Headers

from twisted_sse.events.control import CONTROL_EVENTS
from twisted_sse.events.event import ServerSentEvent

__all__ = [
    "Comment",
    "Control",
    "Lost",
    "Opened",
    "ReadyState",
    "Signal",
    "signal_of",
]


class ReadyState(enum.IntEnum):
    """
    What an `EventSource` is doing, in the standard's words.
    """

    #: It has no stream yet, or none at present.
    CONNECTING = 0
    #: It has a stream.
    OPEN = 1
    #: It is over, for good.
    CLOSED = 2


class Opened(NamedTuple):
    """
    The server has answered with a stream.

    Attributes:
        status: Of the answer; always 200.

        headers: Of the answer.

        attempt: How many attempts it took since there was a stream, or since
            the beginning: 1 is the first.
    """

    status: int
    headers: Headers
    attempt: int


class Comment(NamedTuple):
    """
    A comment that stands for itself, such as a hub's keepalive.

    A comment in the block of an event is the event's `ServerSentEvent.comment`.

    Attributes:
        text: May be empty; several lines are joined with LF.
    """

    text: str


class Control(NamedTuple):
    """
    A hub speaks of the stream: where it begins, that events were missed, or that
    its source has failed.

    Attributes:
        event: Of one of the types `CONTROL_EVENTS`.
    """

    event: ServerSentEvent


class Lost(NamedTuple):
    """
    There is no stream at present: it has ended, or could not be had.

    Attributes:
        reason: Why, in the words of who noticed it.

        delay: After how many seconds it is tried again.
    """

    reason: Exception
    delay: float


Signal = Opened | ServerSentEvent | Comment | Control | Lost


def signal_of(block: ServerSentEvent) -> ServerSentEvent | Comment | Control | None:
    """
    What a block of a stream is for who reads it; ``None`` is nothing.

    HTML: "If the data buffer is an empty string, set the data buffer and the
    event type buffer to the empty string and return": only what has data is an
    event.
    """
    if block.event in CONTROL_EVENTS:
        return Control(block)
    if block.data is not None:
        return block
    return None if block.comment is None else Comment(block.comment)
