"""
Whether a hub has kept an event with this ID: how it is asked, and what it says.
"""

from __future__ import annotations

from twisted_sse.errors import OutcomeUnknown
from twisted_sse.events.codec import Decoder
from twisted_sse.events.control import OPEN, RESET
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.replication import note_of

__all__ = ["DECIDED", "NOT_SO", "KeptAnswer"]

#: Parameters of a question that a hub answers when it is decided what becomes of
#: all that it was sent.  Any other server begins a stream.
DECIDED = [("topic", "*"), ("annotate", "comment"), ("excerpt", "kept"), ("limit", "1")]

#: What a hub says to whom it does not let read everything: ask by coming back.
NOT_SO = (400, 401, 403)


class KeptAnswer:
    """
    What the beginning of a stream says of the ID that it was asked for with.
    """

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._kept: bool | None = None

    def feed(self, data: bytes) -> bool:
        """
        Take the next bytes of the stream.

        Returns:
            Whether it has been said.
        """
        for event in self._decoder.feed(data):
            if event.event == OPEN:
                self._kept = _resumed(event)
            elif event.event == RESET:
                self._kept = False
            elif event.data is None and event.comment:
                self._kept = _noted(event.comment)
        return self._kept is not None

    def result(self) -> bool:
        """
        What was said.

        Raises:
            Unanswered: Nothing was.
        """
        if self._kept is None:
            raise OutcomeUnknown("The stream has ended without a word about the event ID.")
        return self._kept


def _resumed(event: ServerSentEvent) -> bool:
    try:
        value = event.json()
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("resumed") is True


def _noted(comment: str) -> bool | None:
    try:
        note, _ = note_of(comment)
    except (ValueError, RecursionError):
        return None
    return "position" in note if "count" in note else None
