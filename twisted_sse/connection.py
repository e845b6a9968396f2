"""
One open event stream of one subscriber.

A connection is a cursor, not a queue: it knows what it has been sent.  Live, it
shares its audience's position; behind, it has its own, and costs nothing while
it cannot be written to.

Every end of it goes through `end`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from twisted_sse import wire
from twisted_sse.audience import NOT_LIVE, Audience
from twisted_sse.errors import InvalidEvent
from twisted_sse.event import ServerSentEvent
from twisted_sse.opening import LOST, OLDEST
from twisted_sse.publication import Position
from twisted_sse.sink import Sink
from twisted_sse.topics import Selection

__all__ = ["Connection", "Owner", "Reason"]


class Reason(enum.Enum):
    """
    Why a connection has ended.
    """

    #: The subscriber left, or the network did.
    GONE = "gone"
    #: The application closed it.
    CLOSED = "closed"
    #: It was told to go because the hub stops.
    DRAINED = "drained"
    #: It took nothing for longer than the send time-out.
    STUCK = "stuck"
    #: It fell behind everything that is kept, and such readers are let go.
    BEHIND = "behind"
    #: It could not be served, and the log says why.
    FAILED = "failed"


class Owner:
    """
    What a connection tells its hub.

    Args:
        resume: The connection is behind and may be written to.

        blocked: The connection cannot be written to.

        unblocked: It can be again.

        ended: The connection has ended, for this reason.

        lag: Tells how many publications follow a number, as far as they are in
            the window.

        seconds: Tells the time.
    """

    __slots__ = ("blocked", "ended", "lag", "resume", "seconds", "unblocked")

    def __init__(
        self,
        resume: Callable[[Connection], None],
        blocked: Callable[[Connection], None],
        unblocked: Callable[[Connection], None],
        ended: Callable[[Connection, Reason], None],
        lag: Callable[[int], int],
        seconds: Callable[[], float],
    ) -> None:
        self.resume = resume
        self.blocked = blocked
        self.unblocked = unblocked
        self.ended = ended
        self.lag = lag
        self.seconds = seconds


class Connection:
    """
    Made by the hub for each subscriber; applications find it in ``hub.connections``.

    Attributes:
        user: Whom it belongs to: the name that its grant gave, or ``None``.

        address: Where the subscriber connects from.

        since: When it was made, in seconds of the hub's clock.

        written: When it was last written to alone, in seconds.

        due: The look at which `Keepalive` looks after it; ``None``: at none.

        reading: Whether history is being read for it.

        begun: Whether those who listen to `Hub.on_connect` have been told of it.

        ended: Why it has ended, or ``None``.
    """

    _log = Logger()

    __slots__ = (
        "_blocked",
        "_final",
        "_opened",
        "_owner",
        "_position",
        "_sink",
        "_state",
        "_until",
        "address",
        "audience",
        "begun",
        "due",
        "ended",
        "reading",
        "send",
        "since",
        "slot",
        "user",
        "written",
    )

    def __init__(
        self, owner: Owner, audience: Audience, sink: Sink, user: str | None, address: IAddress
    ) -> None:
        self._owner = owner
        self._sink = sink
        self._blocked = True
        self._final: ServerSentEvent | None = None
        self._opened = False
        self._state: dict[str, Any] | None = None
        self._until: float | None = None
        self.audience = audience
        self.send = sink.send
        self.user = user
        self.address = address
        self.since = self.written = owner.seconds()
        self.slot = NOT_LIVE
        self._position = Position(0, "")
        self.reading = False
        self.begun = False
        self.due: int | None = None
        self.ended: Reason | None = None

    @property
    def live(self) -> bool:
        """
        Whether it has everything and gets the next event with its audience.
        """
        return self.slot != NOT_LIVE

    @property
    def ready(self) -> bool:
        """
        Whether it is behind and could be brought forward now.
        """
        return not (self._blocked or self.live or self.reading or self.ended)

    @property
    def position(self) -> Position:
        """
        Up to where it has been sent everything that it wants.
        """
        return self.audience.position_of(self) if self.live else self._position

    @position.setter
    def position(self, position: Position) -> None:
        self._position = position

    @property
    def lag(self) -> int:
        """
        How many publications it is behind, those on other topics included and
        those that the window has forgotten left out: 0 for a live connection
        that is not being written to just now.
        """
        return self._owner.lag(self.position.number)

    @property
    def unsent(self) -> int:
        """
        How many bytes that were handed over its reader has yet to take, as far
        as that is known.
        """
        return self._sink.unsent

    @property
    def silent_since(self) -> float:
        """
        When it was last written to, in seconds.
        """
        return max(self.written, self.audience.written) if self.live else self.written

    @property
    def duration(self) -> float:
        """
        How long it has lasted, in seconds: until now, or until it ended.
        """
        return (self._owner.seconds() if self._until is None else self._until) - self.since

    @property
    def topics(self) -> Selection:
        """
        What it subscribed to.
        """
        return self.audience.interest.wanted

    @property
    def state(self) -> dict[str, Any]:
        """
        The application's own, for as long as the connection lasts.
        """
        if self._state is None:
            self._state = {}
        return self._state

    def open(self, position: Position, send_timeout: float | None) -> None:
        """
        Begin at *position*; the response's first bytes have been written.
        """
        self.position = position
        self.written = self._owner.seconds()
        self._sink.limit(send_timeout)
        self._opened = True
        self._sink.open(self)

    def block(self) -> None:
        """
        The sink is full: stop being live.
        """
        self._blocked = True
        self.audience.leave(self)
        self._owner.blocked(self)

    def unblock(self) -> None:
        """
        The sink has room: go on.
        """
        self._blocked = False
        self._owner.unblocked(self)
        self.resume()

    def gone(self) -> None:
        """
        The subscriber left, or the network did.
        """
        self.end(Reason.GONE)

    def push(self, event: ServerSentEvent) -> bool:
        """
        Send *event* to this subscriber alone, now or never.

        History does not know it: who was away does not get it.  It precedes
        what was published before and has not been written yet.

        Returns:
            Whether it was written.  What the network does not take of it at
            once is kept by the transport, and nothing more is written before
            that is gone: until then this returns ``False`` and does nothing, as
            it does before the stream has begun and after it has ended.

        Raises:
            InvalidEvent: It has an ID, which would move the subscriber's
                position.
        """
        if event.id is not None:
            raise InvalidEvent("What is sent to one connection is not kept: leave out the id.")
        if self._blocked or self.ended is not None:
            return False
        self.write(self._sink.framing(wire.encode(event)))
        return True

    def write(self, payload: bytes) -> None:
        """
        Write framed *payload* to this connection alone.  It must be writable.
        """
        self.written = self._owner.seconds()
        try:
            sent = self.send(payload)
        except OSError:
            sent = 0
        if sent != len(payload):
            self.fell_short(payload, sent)

    def fell_short(self, payload: bytes, sent: int) -> None:
        """
        Stop being live: only *sent* bytes of *payload* could be written.
        """
        self.block()
        self._sink.spill(payload[sent:])

    def resume(self) -> None:
        """
        Ask to be brought forward, if that is wanted and possible.
        """
        if self.ready:
            self._owner.resume(self)

    def lose_place(self) -> None:
        """
        Stop being live: history has to say whether it knows the position still.
        """
        self.audience.leave(self)
        if self._position != OLDEST:
            self._position = Position(LOST, self._position.id)

    def keep_alive(self, comment: bytes) -> None:
        """
        Write *comment*, unless bytes that are already on their way do as well.
        """
        if self._opened and not self._blocked:
            self.write(self._sink.framing(comment))

    def close(self, final: ServerSentEvent | None = None) -> None:
        """
        End the stream in good order, after *final* if that is given.

        A browser comes back after its reconnection time.
        """
        self.end(Reason.CLOSED, final)

    def drain(self, final: ServerSentEvent) -> None:
        """
        End the stream after *final*, as soon as everything before it was sent.
        """
        if self.live or not self._opened:
            self.end(Reason.DRAINED, final)
        else:
            self._final = final

    def caught_up(self) -> None:
        """
        Be live, or leave if that is what was waited for.

        It is to be called when everything up to the live position was sent.
        """
        if self._final is not None:
            self.end(Reason.DRAINED, self._final)
        else:
            self.audience.join(self)

    def cut(self, reason: Reason) -> None:
        """
        End the stream without waiting: what was not sent stays unsent.
        """
        if self.ended is None:
            self._sink.abort()
            self._opened = False
            self.end(reason)

    def end(self, reason: Reason, final: ServerSentEvent | None = None) -> None:
        """
        The one door out.  Only the first call does anything.
        """
        if self.ended is not None:
            return
        self.ended = reason
        self._until = self._owner.seconds()
        self.audience.leave(self)
        if self._opened and reason is not Reason.GONE:
            try:
                self._finish(final)
            except Exception:
                self._log.failure("A stream could not be ended in good order")
        self._owner.ended(self, reason)

    def _finish(self, final: ServerSentEvent | None) -> None:
        if final is not None:
            self._sink.spill(self._sink.framing(wire.encode(final)))
        self._sink.finish()
