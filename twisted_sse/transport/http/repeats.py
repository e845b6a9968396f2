"""
Requests that repeat each other: the many readers of one page ask in the same words.

What was found out about the first ones is remembered, so that the next one costs only
what differs: its last event ID, and the connection itself.

Law: what is remembered depends on the words of the request and on the settings of the
site alone.  Whoever changes the settings forgets it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = ["Repeat", "Repeats", "Words", "words_of"]

#: Answers one more request with a stream, at the door of the connection.  Takes the last
#: event ID in the header, or ``None``.  Returns False, and has done nothing, if the
#: request has to be answered as if it was the first.
Repeat = Callable[[Any, "str | None"], bool]

# How browsers write it, and what cannot be read in two ways.
_NAME = b"\r\nLast-Event-ID: "
_ID = re.compile(rb"[!-~]{1,1024}")

# Half a MB at most: how many are remembered, and the most bytes of each.
_MOST = 256
_MOST_BYTES = 2048

# How many are known to have been asked once.
_MOST_ONCE = 4096

# What belongs to one user is secret, and nobody else sends it.
_OF_ONE_USER = frozenset((b"authorization", b"cookie"))


class Words(NamedTuple):
    """
    A request, without its last event ID; no words if that cannot be taken out.
    """

    words: bytes
    last_event_id: str | None


_UNCLEAR = Words(b"", None)


class Repeats:
    """
    Remembers the answers to requests that were made at least twice.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, Repeat] = {}
        self._once: set[int] = set()

    def find(self, words: bytes) -> Repeat | None:
        """
        What answers *words*; ``None`` if that is not known.
        """
        return self._known.get(words)

    def is_wanted(self, asked: Words, headers: Mapping[bytes, bytes]) -> bool:
        """
        Whether the answer to *asked*, which is not known, is worth remembering.

        Args:
            headers: Those of the request.
        """
        if not 0 < len(asked.words) <= _MOST_BYTES or not _OF_ONE_USER.isdisjoint(headers):
            return False
        if (asked.last_event_id is not None) != (b"last-event-id" in headers):
            # Written in another way, so it is one of the words.
            return False
        seen = hash(asked.words)
        if seen in self._once:
            return True
        if len(self._once) >= _MOST_ONCE:
            self._once.clear()
        self._once.add(seen)
        return False

    def remember(self, words: bytes, repeat: Repeat) -> None:
        """
        Answer *words* by *repeat* from now on.
        """
        if len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        self._known[words] = repeat

    def forget(self) -> None:
        """
        Forget everything: the settings have changed.
        """
        self._known.clear()


def words_of(data: bytes) -> Words:
    """
    Take the last event ID out of *data*, if it is written as browsers write it.
    """
    before, name, rest = data.partition(_NAME)
    if not name:
        return Words(data, None)
    value, _, after = rest.partition(b"\r\n")
    if _ID.fullmatch(value) is None:
        return _UNCLEAR
    # With the name, these are the words of no request without an ID.
    return Words(before + name + after, value.decode("ascii"))
