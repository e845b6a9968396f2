"""
Operations on the stream of a history, over one connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from twisted.internet.defer import Deferred

from twisted_sse.errors import RunLost, TopicEnded, UnknownEventID
from twisted_sse.events.publication import Position, Publication, Record
from twisted_sse.history.outage import Unreadable
from twisted_sse.history.redis.appendscript import APPEND
from twisted_sse.history.redis.connection import RedisConnection
from twisted_sse.history.redis.entry import (
    RawEntry,
    RedisEntry,
    as_entry_id,
    encode_entry,
    parse_entry,
)
from twisted_sse.history.redis.findscripts import BACK, ENDS, FIND
from twisted_sse.topics import Selection

__all__ = ["Found", "RedisBounds", "RedisStream", "stream_key"]

# The most entries in one answer.  Parsing so many takes some milliseconds, and
# the reactor does other work between two answers.
_PAGE = 256

# Why an entry of another program is passed over.
_NO_NUMBER = "it has no number"


def stream_key(prefix: str) -> str:
    """
    The key of the stream.
    """
    return f"{{{prefix}}}:events"


class RedisBounds(NamedTuple):
    """
    The bounds of a history: events, bytes, and age in seconds.
    """

    events: int
    bytes: int
    age: float

    @property
    def milliseconds(self) -> int:
        """
        The age in Redis' unit.
        """
        return max(1, round(self.age * 1000))


class Found(NamedTuple):
    """
    An entry of the stream, and those that follow it.

    Attributes:
        newest: The number of the newest entry at that time.

        start: The entry asked for.

        following: The entries right after it; only the first, if there are many.
    """

    newest: int
    start: RedisEntry
    following: Sequence[RedisEntry]


class RedisStream:
    """
    The stream of one prefix.

    The prefix is in braces, so that one node of a cluster holds all of its keys.

    Args:
        unreadable: Told of entries that are passed over.

    Attributes:
        keys: The keys of the store, as the scripts of `twisted_sse.history.redis` take them.
    """

    def __init__(
        self,
        connection: RedisConnection,
        prefix: str,
        bounds: RedisBounds,
        unreadable: Unreadable,
    ) -> None:
        self.connection = connection
        self._unreadable = unreadable
        self.bounds = bounds
        self._name = stream_key(prefix)
        parts = ("ids", "ends", "runs", "leases", "finished", "order", "called")
        self.keys = (self._name, *[f"{{{prefix}}}:{part}" for part in parts])
        self._batch = f"{{{prefix}}}:batch:"
        self._probe = f"{{{prefix}}}:probe"

    async def append(
        self, node: str, number: int, publications: Sequence[Publication]
    ) -> Sequence[Record]:
        """
        Append *publications*.

        Args:
            node: Identifies the hub's run.

            number: The number of this batch.  Redis keeps a repeated batch once.

        Raises:
            TopicEnded, RunLost: See `IRunHistory.append`.
        """
        bounds = (self.bounds.events, self.bounds.bytes, self.bounds.milliseconds)
        texts = [encode_entry(one) for one in publications]
        keys = (*self.keys, self._batch + node)
        answer = await self.connection.run(APPEND, keys, number, *bounds, *texts)
        if isinstance(answer, list):
            reason, *topics = [one.decode() for one in answer]
            raise (TopicEnded if reason == "ended" else RunLost)(sorted(set(topics)))
        _, first, *entry_ids = answer.decode().split(" ")
        pairs = zip(entry_ids, publications, strict=True)
        return [
            Record(number, one.event.id or entry_id, one)
            for number, (entry_id, one) in enumerate(pairs, int(first))
        ]

    async def since(self, event_id: str | None, topics: Selection, limit: int) -> Sequence[Record]:
        """
        See `IHistoryProvider.since`.
        """
        count = min(_PAGE, limit) if topics.everything else _PAGE
        try:
            found = await self.find(event_id, count)
        except UnknownEventID:
            if event_id is None:
                # The stream is empty.
                return []
            raise
        newest, last, matching = found.newest, found.start, list[Record]()
        while True:
            for entry in found.following:
                if entry.number != last.number + 1:
                    raise UnknownEventID(f"an event after {event_id!r} is not kept")
                last = entry
                if entry.record is not None and topics.matches(entry.record.publication.topics):
                    matching.append(entry.record)
                    if len(matching) == limit:
                        return matching
            # If nothing follows though it did before, the stream was cut by hand.
            if last.number >= newest or not found.following:
                return matching
            found = await self.follow(last.entry_id, count)

    async def find(self, event_id: str | None, count: int = _PAGE) -> Found:
        """
        Find the entry with *event_id*, and those after it; ``None`` stands for the
        entry before the oldest publication.

        Raises:
            UnknownEventID: The entry, or one that followed it, is not kept.
        """
        if event_id is None:
            return await self._find("", "", self.bounds.milliseconds, count)
        if event_id == "" or not _is_encodable(event_id):
            raise UnknownEventID("no publication has this ID")
        return await self._find(event_id, as_entry_id(event_id), self.bounds.milliseconds, count)

    async def follow(self, entry_id: str, count: int = _PAGE) -> Found:
        """
        Read the entries after *entry_id*, whatever their age.

        Raises:
            UnknownEventID: See `find`.
        """
        return await self._find("", entry_id, "", count)

    async def begin(self, count: int = _PAGE) -> Found:
        """
        Read the oldest entries, whatever their age.

        Raises:
            UnknownEventID: The stream is empty.
        """
        return await self._find("", "", "", count)

    async def newest(self) -> RedisEntry | None:
        """
        Read the newest entry, without beginning the order in an empty stream.
        """
        answer = await self.connection.call("XREVRANGE", self._name, "+", "-", "COUNT", _PAGE)
        return next(iter(self._parsed(answer)), None)

    async def wait(
        self, entry_id: str, seconds: float, count: int = _PAGE
    ) -> tuple[str, Sequence[RedisEntry]]:
        """
        Wait for entries after *entry_id*, for at most *seconds*.

        Redis answers nothing else on this connection meanwhile.

        Returns:
            The ID to wait after next, which is *entry_id* if there are none; and the
            entries.
        """
        blocking = ("BLOCK", round(seconds * 1000), "COUNT", count)
        answer = await self.connection.call("XREAD", *blocking, "STREAMS", self._name, entry_id)
        if not answer:
            return entry_id, []
        raws: Sequence[RawEntry] = answer[0][1]
        return raws[-1][0].decode(), self._parsed(raws)

    async def tail(self, limit: int) -> Sequence[RedisEntry]:
        """
        Read the newest *limit* entries that are young enough, preceded by the
        entry that they follow.
        """
        entries: list[RedisEntry] = []
        floor = -1
        while len(entries) <= limit:
            wanted = min(_PAGE, limit + 1 - len(entries))
            floor, page = await self._back(entries[-1].entry_id if entries else "+", wanted)
            new = page[1:] if entries else page
            if not new or (entries and new[0].number != entries[-1].number - 1):
                break
            entries += new
        young = [one for one in entries[: limit + 1] if one.number >= floor]
        return young[::-1]

    async def locate(self, publisher_id: str) -> RedisEntry | None:
        """
        Find the oldest entry with an ID that a publisher has chosen; ``None`` if no
        publisher has, or the entry is not kept.
        """
        if not _is_encodable(publisher_id):
            return None
        own = await self.connection.call("HGET", self.keys[1], publisher_id)
        if own is None:
            return None
        entry_id = as_entry_id(own.decode("utf-8", "replace").partition(" ")[2])
        if not entry_id:
            return None
        answer = await self.connection.call("XRANGE", self._name, entry_id, entry_id)
        return next(iter(self._parsed(answer)), None)

    async def ends(self, topics: Sequence[str]) -> Sequence[Record]:
        """
        See `IEndingHistory.ends`.
        """
        names = [one for one in topics if _is_encodable(one)]
        answer = await self.connection.run(ENDS, self.keys, self.bounds.milliseconds, *names)
        records = [one.record for one in self._parsed(answer) if one.record is not None]
        return sorted(records, key=attrgetter("number"))

    async def probe(self) -> None:
        """
        Check that Redis can write.
        """
        await self.connection.call("SET", self._probe, "", "EX", 60)

    async def confirm(self, replicas: int, timeout: float) -> int:
        """
        Wait until *replicas* have everything that was appended before.

        Args:
            timeout: The longest wait, in seconds.

        Returns:
            How many have it.
        """
        # Redis: WAIT is about "all the previous write commands sent in the context of the
        # current connection", and a repeated batch writes nothing.
        writing = Deferred.fromCoroutine(self.probe())
        writing.addErrback(lambda _: None)
        waiting = self.connection.call("WAIT", replicas, max(1, round(timeout * 1000)))
        return int(await waiting)

    async def seek(self, position: Position) -> RedisEntry | None:
        """
        Find the entry at *position*; ``None`` if it is not there.
        """
        cursor = "+"
        while True:
            _, page = await self._back(cursor, _PAGE)
            for entry in page:
                if entry.number <= position.number:
                    return entry if entry.stands_at(position) else None
            if len(page) < 2:
                return None
            cursor = page[-1].entry_id

    async def _find(self, own: str, entry_id: str, age: int | str, count: int) -> Found:
        answer = await self.connection.run(FIND, self.keys, own, entry_id, age, count)
        if not answer:
            raise UnknownEventID(f"{own or entry_id!r}, or an event after it, is not kept")
        start, *following = self._parsed(answer[1], answer[2])
        return Found(int(answer[0]), start, following)

    async def _back(self, cursor: str, count: int) -> tuple[int, Sequence[RedisEntry]]:
        answer = await self.connection.run(BACK, self.keys, cursor, self.bounds.milliseconds, count)
        return int(answer[0]), self._parsed(answer[1], answer[2])

    def _parsed(
        self, raws: Sequence[RawEntry], strangers: Sequence[bytes] = ()
    ) -> list[RedisEntry]:
        for entry_id in strangers:
            self._unreadable.note(entry_id.decode(), _NO_NUMBER)
        entries = []
        for raw in raws:
            entry = parse_entry(raw)
            if entry is None:
                self._unreadable.note(raw[0].decode(), _NO_NUMBER)
                continue
            if entry.damage:
                self._unreadable.note(entry.entry_id, entry.damage)
            entries.append(entry)
        return entries


def _is_encodable(text: str) -> bool:
    """
    Whether *text* has no lone surrogate, which cannot be in a topic or an ID.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
