"""
The signals of a stream: its events, and what happens between them.

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
    The state of an `EventSource`, in the words of the standard.
    """

    #: Not connected: not yet, or not at present.
    CONNECTING = 0
    #: Connected to a stream.
    OPEN = 1
    #: Closed for good.
    CLOSED = 2


class Opened(NamedTuple):
    """
    The server has answered with a stream.

    Attributes:
        status: The status of the response; always 200.

        headers: The headers of the response.

        attempt: The number of attempts since the last stream, or since the
            beginning: 1 if the first attempt succeeded.
    """

    status: int
    headers: Headers
    attempt: int


class Comment(NamedTuple):
    """
    A comment outside of any event, such as a hub's keepalive.

    A comment in the block of an event is that event's `ServerSentEvent.comment`, unless
    the network delivers it earlier; see *hold_comments* of `EventSource`.

    Attributes:
        text: May be empty; several lines are joined with LF.
    """

    text: str


class Control(NamedTuple):
    """
    A control event of a hub: the stream begins, its topics have changed, it is silent,
    events were missed, or its source has failed.

    Attributes:
        event: Its type is one of `CONTROL_EVENTS`.
    """

    event: ServerSentEvent


class Lost(NamedTuple):
    """
    The stream has ended, or an attempt to open it has failed.

    Attributes:
        reason: The error; its text is a sentence.

        delay: The time until the next attempt, in seconds.
    """

    reason: Exception
    delay: float


Signal = Opened | ServerSentEvent | Comment | Control | Lost


def signal_of(block: ServerSentEvent) -> ServerSentEvent | Comment | Control | None:
    """
    Turn a block of a stream into a signal; ``None`` if the block has no meaning
    for the consumer.

    HTML: "If the data buffer is an empty string, set the data buffer and the
    event type buffer to the empty string and return": a block without data is
    not an event.
    """
    if block.event in CONTROL_EVENTS:
        return Control(block)
    if block.data is not None:
        return block
    return None if block.comment is None else Comment(block.comment)
