"""
Connections that receive the same bytes: the same events, written and framed alike.

Live members share one position and one payload: an event costs each of them one call
of ``send`` and nothing else.  A member that cannot take it all leaves, with a
position of its own.

The law of the lists: ``_sends[slot]`` belongs to ``_members[slot]``, whose ``slot``
is that number.  Members below ``_visited`` have the current batch, the others do not
have it yet.  No member is removed while a stride of members is being written to: a
member that leaves meanwhile is removed right after.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence, Set
from typing import Protocol

from twisted_sse.broker.audiences.representation import Representation
from twisted_sse.broker.audiences.window import Entry, Window
from twisted_sse.events.preamble import StreamStart
from twisted_sse.events.publication import Position
from twisted_sse.topics import Interest
from twisted_sse.transport.framing import Framing

__all__ = ["NOT_LIVE", "Audience", "Member", "PayloadCache"]

# How many members are written to between two readings of the clock: about 0.4 ms.
_STRIDE = 128

# The most bytes of a batch, not counting its last frame.  The transport of a slow
# reader keeps what the reader has not taken of a batch, so this bounds that too.
_BATCH_BYTES = 64 * 1024

#: The slot of a connection that is not live.
NOT_LIVE = -1


class Member(Protocol):
    """
    What an audience needs to know of a connection.

    Attributes:
        slot: Its index in its audience, or `NOT_LIVE`.

        position: What it has been sent, while it is not live.

        events_alone: How many events it has been sent.  While it is live, those that
            its audience has been sent have to be added: see `Audience.events_of`.

        bytes_alone: The same in bytes.
    """

    slot: int
    position: Position
    events_alone: int
    bytes_alone: int

    @property
    def send(self) -> Callable[[bytes], int]:
        """
        Its sink's ``send``.
        """

    def resume(self) -> None:
        """
        Ask to be sent more, or to join.
        """

    def fell_short(self, payload: bytes, sent: int) -> None:
        """
        Stop being live: only the first *sent* bytes of *payload* were written.
        """


class Audience:
    """
    The live members that share *interest*, *representation* and *framing*.

    Attributes:
        size: The number of its connections, live or not.

        unended: The topics that it selects by their names and that have not ended;
            ``None`` if it never ends, because it has patterns or is another hub's.

        over: Whether all its topics have ended: once its members have everything, they
            are released, and their streams end.

        written: When its live members were last written to, in seconds.
    """

    __slots__ = (
        "_batch_events",
        "_before_batch",
        "_bytes",
        "_departing",
        "_early",
        "_events",
        "_members",
        "_news",
        "_payload",
        "_sends",
        "_visited",
        "_visiting",
        "_window",
        "framing",
        "interest",
        "over",
        "representation",
        "size",
        "unended",
        "written",
    )

    def __init__(
        self,
        interest: Interest,
        representation: Representation,
        framing: Framing,
        window: Window,
    ) -> None:
        self.interest = interest
        self.representation = representation
        self.framing = framing
        self.size = 0
        self.written = 0.0
        wanted = interest.wanted
        endless = wanted.everything or wanted.patterns or representation.shows_everything
        self.unended: Set[str] | None = None if endless else wanted.exact
        self.over = False
        self._window = window
        self._members: list[Member] = []
        self._sends: list[Callable[[bytes], int]] = []
        self._visited = 0
        self._visiting = False
        self._departing: list[Member] = []
        self._early: list[Member] = []
        self._news: list[Entry] = []
        self._payload = b""
        self._before_batch = window.head
        # Everything that members were sent together, the current batch included.
        self._events = 0
        self._bytes = 0
        self._batch_events = 0

    @property
    def live_position(self) -> Position:
        """
        The position up to which a connection must have been sent everything to join.
        """
        return self._news[0].previous if self._news else self._window.head

    def shown(self, start: StreamStart) -> StreamStart:
        """
        *start* as a member is shown it: without the ID of an event that it may not
        read.
        """
        is_own = start.resumed or start.position != self._window.head
        if is_own or self.representation.shows_everything:
            return start
        event_id = self._window.shown_id(self.interest.may_read) or ""
        return StreamStart(Position(start.position.number, event_id), start.resumed, start.asked)

    @property
    def waiting(self) -> bool:
        """
        Whether there is a live member that has not been sent everything.
        """
        return bool(self._news) or self._visited < len(self._members)

    @property
    def releasing(self) -> bool:
        """
        Whether it is over, and members have everything and have not been released.
        """
        return self.over and bool(self._members) and not self.waiting

    def end_topics(self, topics: Iterable[str]) -> None:
        """
        Note that *topics* have ended, with a publication that the members receive.
        """
        if self.unended is not None:
            self.unended -= set(topics)
            self.over = not self.unended

    def resume_topics(self, topics: Iterable[str]) -> None:
        """
        Note that those of *topics* that it selects have begun anew: history has
        forgotten their ends.
        """
        if self.unended is not None:
            self.unended |= self.interest.wanted.exact & set(topics)
            self.over = not self.unended

    def position_of(self, member: Member) -> Position:
        """
        The position of *member*, which is live.
        """
        return self.live_position if member.slot < self._visited else self._before_batch

    def events_of(self, member: Member) -> int:
        """
        The number of events that *member* has been sent.
        """
        if member.slot == NOT_LIVE:
            return member.events_alone
        missing = 0 if member.slot < self._visited else self._batch_events
        return member.events_alone + self._events - missing

    def bytes_of(self, member: Member) -> int:
        """
        The number of bytes that *member* has been sent, with their framing.
        """
        if member.slot == NOT_LIVE:
            return member.bytes_alone
        missing = 0 if member.slot < self._visited else len(self._payload)
        return member.bytes_alone + self._bytes - missing

    def join(self, member: Member) -> None:
        """
        Make *member* live; it has been sent everything up to `live_position`.
        """
        # What was sent before is none of its own: so nothing is counted per delivery.
        member.events_alone -= self._events
        member.bytes_alone -= self._bytes
        self._members.append(member)
        self._sends.append(member.send)
        member.slot = len(self._members) - 1
        self._swap(member.slot, self._visited)
        self._visited += 1

    def expect(self, member: Member) -> None:
        """
        Let *member* join when the audience has caught up with it.

        *member* starts ahead of the batch still being sent, so it must not receive
        that batch.
        """
        self._early.append(member)

    def leave(self, member: Member) -> None:
        """
        Remove *member* from the live members, and tell it its position.
        """
        if self._visiting:
            self._departing.append(member)
        elif member.slot != NOT_LIVE:
            self._take_out(member)

    def add(self, entry: Entry) -> None:
        """
        Note a publication that the members are to be sent.
        """
        if self._members:
            self._news.append(entry)

    def sweep(self, payloads: PayloadCache, more_time: Callable[[], bool]) -> None:
        """
        Write new events to the members, until all have them or *more_time* returns
        false.
        """
        while self.waiting:
            if self._visited == len(self._members):
                self._begin(payloads)
            self._visit()
            if self._visited == len(self._members):
                self._wake_early()
            if not more_time():
                return

    def release(self, more_time: Callable[[], bool]) -> None:
        """
        Let members go that have everything, until all have gone or *more_time* returns
        false: each ends its stream when it is resumed.
        """
        while self.releasing:
            member = self._members[-1]
            self.leave(member)
            member.resume()
            if not more_time():
                return

    def _begin(self, payloads: PayloadCache) -> None:
        batch = self._take_batch()
        self._payload = payloads.of(self.representation, self.framing, batch)
        self._before_batch = batch[0].previous
        self._visited = 0
        self._batch_events = len(batch)
        self._events += len(batch)
        self._bytes += len(self._payload)

    def _take_batch(self) -> list[Entry]:
        news = self._news
        size = count = 0
        while count < len(news) and size < _BATCH_BYTES:
            size += len(news[count].frame)
            count += 1
        self._news = news[count:]
        return news[:count]

    def _visit(self) -> None:
        start = self._visited
        self._visited = stop = min(start + _STRIDE, len(self._members))
        payload = self._payload
        size = len(payload)
        short: list[tuple[Member, int]] = []
        self._visiting = True
        # benchmarks (fanout): nothing but the call of send touches what belongs
        # to one connection, so its memory need not be fetched.
        for slot, send in enumerate(self._sends[start:stop], start):
            try:
                sent = send(payload)
            except OSError:
                sent = 0
            if sent != size:
                short.append((self._members[slot], sent))
        self._visiting = False
        for member, sent in short:
            member.fell_short(payload, sent)
        self._let_departing_go()

    def _let_departing_go(self) -> None:
        departing, self._departing = self._departing, []
        for member in departing:
            self.leave(member)
            # Its sink may have got room while it still counted as live.
            member.resume()

    def _take_out(self, member: Member) -> None:
        member.position = self.position_of(member)
        member.events_alone, member.bytes_alone = self.events_of(member), self.bytes_of(member)
        hole, last = member.slot, len(self._members) - 1
        if hole < self._visited:
            self._visited -= 1
            self._swap(hole, self._visited)
            hole = self._visited
        self._swap(hole, last)
        self._members.pop()
        self._sends.pop()
        member.slot = NOT_LIVE
        if not self._members:
            self._news.clear()
        if self._visited == len(self._members):
            self._wake_early()

    def _wake_early(self) -> None:
        if not self._early:
            return
        early, self._early = self._early, []
        for member in early:
            member.resume()

    def _swap(self, one: int, other: int) -> None:
        members, sends = self._members, self._sends
        members[one], members[other] = members[other], members[one]
        sends[one], sends[other] = sends[other], sends[one]
        members[one].slot, members[other].slot = one, other


class PayloadCache:
    """
    The joined and framed bytes of batches, made once in a turn for all audiences.
    """

    def __init__(self) -> None:
        self._made: dict[Hashable, bytes] = {}

    def of(self, representation: Representation, framing: Framing, batch: Sequence[Entry]) -> bytes:
        """
        Write and frame *batch*, or return the bytes that were made of it before.
        """
        key = (representation, framing, *[entry.number for entry in batch])
        payload = self._made.get(key)
        if payload is None:
            # benchmarks (fanout): audiences of one pay for each call that is made here.
            frames = representation.frames(batch)
            payload = self._made[key] = framing(b"".join(frames))
        return payload

    def forget(self) -> None:
        """
        Forget all payloads: the turn is over.
        """
        self._made.clear()
