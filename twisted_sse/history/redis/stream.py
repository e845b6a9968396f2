"""
What can be done with the stream, over one connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Position, Publication, Record
from twisted_sse.history.redis.connection import RedisConnection
from twisted_sse.history.redis.entry import RedisEntry, as_place, encode_entry, parse_entry
from twisted_sse.history.redis.scripts import APPEND, BACK, FIND
from twisted_sse.topics import Selection

__all__ = ["Found", "RedisBounds", "RedisStream"]

# How many entries are asked for at once.  To read so many takes some
# milliseconds, and the reactor has other things to do between two such answers.
_PAGE = 256


class RedisBounds(NamedTuple):
    """
    What is kept: events, bytes, and their age in seconds.
    """

    events: int
    bytes: int
    age: float

    @property
    def milliseconds(self) -> int:
        """
        The age, as Redis counts it.
        """
        return max(1, round(self.age * 1000))


class Found(NamedTuple):
    """
    A place in the stream, and what stands there.

    Attributes:
        newest: The number of the newest entry, when this was found.

        start: The entry that was looked for.

        following: The entries right after it; not all, if there are many.
    """

    newest: int
    start: RedisEntry
    following: Sequence[RedisEntry]


class RedisStream:
    """
    The history of one prefix.

    The prefix is in braces, so that in a cluster one node has all of its keys.
    """

    def __init__(self, connection: RedisConnection, prefix: str, bounds: RedisBounds) -> None:
        self.connection = connection
        self._bounds = bounds
        self._name = f"{{{prefix}}}:events"
        self._keys = (self._name, f"{{{prefix}}}:ids")
        self._batch = f"{{{prefix}}}:batch:"

    async def append(
        self, node: str, number: int, publications: Sequence[Publication]
    ) -> Sequence[Record]:
        """
        Keep *publications*.

        Args:
            node: Who appends.

            number: Of this batch; a repeated one is not kept twice.
        """
        bounds = (self._bounds.events, self._bounds.bytes, self._bounds.milliseconds)
        texts = [encode_entry(one) for one in publications]
        keys = (*self._keys, self._batch + node)
        answer = await self.connection.run(APPEND, keys, number, *bounds, *texts)
        _, first, *places = answer.decode().split(" ")
        return [
            Record(at, one.event.id or place, one)
            for at, (place, one) in enumerate(zip(places, publications, strict=True), int(first))
        ]

    async def since(self, event_id: str | None, topics: Selection, limit: int) -> Sequence[Record]:
        """
        Read what follows *event_id* and matches *topics*; see
        `IHistoryProvider.since`.
        """
        count = min(_PAGE, limit) if topics.everything else _PAGE
        try:
            found = await self.find(event_id, count)
        except UnknownEventID:
            if event_id is None:
                # Nothing was ever kept.
                return []
            raise
        newest, last, matching = found.newest, found.start, list[Record]()
        while True:
            for entry in found.following:
                if entry.kept is None or entry.number != last.number + 1:
                    raise UnknownEventID(f"what followed {event_id!r} is not kept")
                last = entry
                if topics.matches(entry.kept.publication.topics):
                    matching.append(entry.kept)
                    if len(matching) == limit:
                        return matching
            # Nothing follows although it did before: somebody has cut the stream.
            if last.number >= newest or not found.following:
                return matching
            found = await self.follow(last.place, count)

    async def find(self, event_id: str | None, count: int = _PAGE) -> Found:
        """
        Find where somebody stands who has got *event_id*; ``None`` is before
        everything.

        Raises:
            UnknownEventID: It cannot be known what followed it.
        """
        if event_id is None:
            return await self._find("", "", self._bounds.milliseconds, count)
        try:
            event_id.encode()
        except UnicodeEncodeError:
            event_id = ""
        if event_id == "":
            raise UnknownEventID("no publication has this ID")
        return await self._find(event_id, as_place(event_id), self._bounds.milliseconds, count)

    async def follow(self, place: str, count: int = _PAGE) -> Found:
        """
        Read what follows the entry *place*, however old it is.

        Raises:
            UnknownEventID: As of `find`.
        """
        return await self._find("", place, "", count)

    async def wait(self, place: str, seconds: float, count: int = _PAGE) -> Sequence[RedisEntry]:
        """
        Wait until something follows *place*; after so many *seconds*, for nothing.

        Nothing else is answered on this connection meanwhile.
        """
        blocking = ("BLOCK", round(seconds * 1000), "COUNT", count)
        answer = await self.connection.call("XREAD", *blocking, "STREAMS", self._name, place)
        return [parse_entry(raw) for raw in answer[0][1]] if answer else []

    async def tail(self, limit: int) -> Sequence[RedisEntry]:
        """
        Read the newest *limit* entries that are young enough, and before them the
        one that they follow.
        """
        entries: list[RedisEntry] = []
        floor = -1
        while len(entries) <= limit:
            wanted = min(_PAGE, limit + 1 - len(entries))
            floor, page = await self._back(entries[-1].place if entries else "+", wanted)
            new = page[1:] if entries else page
            if not new or (entries and new[0].number != entries[-1].number - 1):
                break
            entries += new
        young = [one for one in entries[: limit + 1] if one.number >= floor]
        return young[::-1]

    async def seek(self, position: Position) -> RedisEntry | None:
        """
        Find the entry that *position* was told of; ``None`` if it is not there.
        """
        cursor = "+"
        while True:
            _, page = await self._back(cursor, _PAGE)
            for entry in page:
                if entry.number <= position.number:
                    return entry if entry.stands_at(position) else None
            if len(page) < 2:
                return None
            cursor = page[-1].place

    async def _find(self, own: str, place: str, age: int | str, count: int) -> Found:
        answer = await self.connection.run(FIND, self._keys, own, place, age, count)
        if not answer:
            raise UnknownEventID(f"{own or place!r} is not kept, or what followed it is not")
        start, *following = map(parse_entry, answer[1])
        return Found(int(answer[0]), start, following)

    async def _back(self, cursor: str, count: int) -> tuple[int, Sequence[RedisEntry]]:
        answer = await self.connection.run(
            BACK, self._keys, cursor, self._bounds.milliseconds, count
        )
        return int(answer[0]), [parse_entry(raw) for raw in answer[1]]
