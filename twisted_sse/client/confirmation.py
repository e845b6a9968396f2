"""
Asking a hub whether it has kept an event ID: the request, and the answer.
"""

from __future__ import annotations

from twisted_sse.errors import OutcomeUnknown
from twisted_sse.events.codec import Decoder
from twisted_sse.events.control import OPEN, RESET
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.replication import note_of

__all__ = ["CONFIRMATION_QUERY", "NEEDS_FULL_READ", "Confirmation", "is_resumed"]

#: Parameters of the request.  A hub answers it once all that it has received is
#: either kept or refused.  Any other server begins a stream.
CONFIRMATION_QUERY = [
    ("topic", "*"),
    ("annotate", "comment"),
    ("excerpt", "kept"),
    ("limit", "1"),
]

#: Statuses for a token that may not read every topic.  Such a client resumes a
#: stream of its topics after the ID instead.
NEEDS_FULL_READ = (400, 401, 403)

# The most to read for the answer, in bytes: it is in the first blocks.
_MAX_SIZE = 256 * 1024


class Confirmation:
    """
    Reads from the beginning of a stream whether its ``Last-Event-ID`` is kept.
    """

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._is_kept: bool | None = None
        self._size = 0

    def feed(self, data: bytes) -> bool:
        """
        Take the next bytes of the stream.

        Returns:
            Whether the answer has come, or is not to be expected any more.
        """
        self._size += len(data)
        for event in self._decoder.feed(data):
            if event.event == OPEN:
                self._is_kept = is_resumed(event)
            elif event.event == RESET:
                self._is_kept = False
            elif event.data is None and event.comment:
                self._is_kept = _kept_by_note(event.comment)
        return self._is_kept is not None or self._size > _MAX_SIZE

    def result(self) -> bool:
        """
        Return whether the event ID is kept.

        Raises:
            OutcomeUnknown: The answer has not come.
        """
        if self._is_kept is None:
            raise OutcomeUnknown("The stream ended without telling whether the event ID is known.")
        return self._is_kept


def is_resumed(event: ServerSentEvent) -> bool:
    """
    Tell whether a ``stream-open`` says that the stream was resumed.
    """
    try:
        value = event.json()
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("resumed") is True


def _kept_by_note(comment: str) -> bool | None:
    try:
        note, _ = note_of(comment)
    except (ValueError, RecursionError):
        return None
    return "position" in note if "count" in note else None
