"""
One open event stream of one subscriber.

A connection is a cursor, not a queue: it knows what it has been sent.  Live, it
shares its audience's position; behind, it has its own, and costs nothing while
it cannot be written to.

Every end of it goes through `end`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from twisted_sse.broker.audiences.audience import NOT_LIVE, Audience
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.errors import InvalidEvent
from twisted_sse.events import codec
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.preamble import LOST, OLDEST
from twisted_sse.events.publication import Position
from twisted_sse.topics import Selection
from twisted_sse.transport.sinks.sink import Sink

__all__ = ["Connection", "ConnectionObserver", "EndReason", "frame_to_push"]


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
        "_observer",
        "_opened",
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
        self,
        owner: ConnectionObserver[Connection],
        audience: Audience,
        sink: Sink,
        user: str | None,
        address: IAddress,
    ) -> None:
        self._observer = owner
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
        self.ended: EndReason | None = None

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
        return self._observer.lag(self.position.number)

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
        return (self._observer.seconds() if self._until is None else self._until) - self.since

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
        self.written = self._observer.seconds()
        self._sink.limit(send_timeout)
        self._opened = True
        self._sink.open(self)

    def block(self) -> None:
        """
        The sink is full: stop being live.
        """
        self._blocked = True
        self.audience.leave(self)
        self._observer.blocked(self)

    def unblock(self) -> None:
        """
        The sink has room: go on.
        """
        self._blocked = False
        self._observer.unblocked(self)
        self.resume()

    def gone(self) -> None:
        """
        The subscriber left, or the network did.
        """
        self.end(EndReason.GONE)

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
        return self.push_frame(frame_to_push(event))

    def push_frame(self, frame: bytes) -> bool:
        """
        The same as `push` for what `frame_to_push` has made.
        """
        if self._blocked or self.ended is not None:
            return False
        self.write(self._sink.framing(frame))
        return True

    def write(self, payload: bytes) -> None:
        """
        Write framed *payload* to this connection alone.  It must be writable.
        """
        self.written = self._observer.seconds()
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
            self._observer.resume(self)

    def detach(self) -> bool:
        """
        Stop being live, to be moved.

        Returns:
            Whether it is not live now.  If it is being written to in this
            moment, it leaves right after.
        """
        self.written = self.silent_since
        self.audience.leave(self)
        return not self.live

    def attach(self, audience: Audience) -> None:
        """
        Go on as one of *audience*, from where it stands; it must not be live.
        """
        self.audience = audience
        self.resume()

    def invalidate_position(self) -> None:
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
        self.end(EndReason.CLOSED, final)

    def drain(self, final: ServerSentEvent) -> None:
        """
        End the stream after *final*, as soon as everything before it was sent.
        """
        if self.live or not self._opened:
            self.end(EndReason.DRAINED, final)
        else:
            self._final = final

    def caught_up(self) -> None:
        """
        Be live, or leave if that is what was waited for.

        It is to be called when everything up to the live position was sent.
        """
        if self._final is not None:
            self.end(EndReason.DRAINED, self._final)
        else:
            self.audience.join(self)

    def dismiss(self, reason: EndReason) -> None:
        """
        End the stream in good order; cut it if it cannot be written to, because
        what is on its way is no longer for its reader.
        """
        if self._opened and self._blocked:
            self.abort(reason)
        else:
            self.end(reason)

    def abort(self, reason: EndReason) -> None:
        """
        End the stream without waiting: what was not sent stays unsent.
        """
        if self.ended is None:
            self._sink.abort()
            self._opened = False
            self.end(reason)

    def end(self, reason: EndReason, final: ServerSentEvent | None = None) -> None:
        """
        The one door out.  Only the first call does anything.
        """
        if self.ended is not None:
            return
        self.ended = reason
        self._until = self._observer.seconds()
        self.audience.leave(self)
        if self._opened and reason is not EndReason.GONE:
            try:
                self._finish(final)
            except Exception:
                self._log.failure("A stream could not be ended in good order")
        self._observer.ended(self, reason)

    def _finish(self, final: ServerSentEvent | None) -> None:
        if final is not None:
            self._sink.spill(self._sink.framing(codec.encode(final)))
        self._sink.finish()


def frame_to_push(event: ServerSentEvent) -> bytes:
    """
    Write *event*, which history does not know, as one frame.

    Raises:
        InvalidEvent: It has an ID, which would move the subscriber's position.
    """
    if event.id is not None:
        raise InvalidEvent("What is pushed is not kept: leave out the id.")
    return codec.encode(event)


C = TypeVar("C")


class ConnectionObserver(NamedTuple, Generic[C]):
    """
    What a connection tells its hub.

    Attributes:
        resume: The connection is behind and may be written to.

        blocked: The connection cannot be written to.

        unblocked: It can be again.

        ended: The connection has ended, for this reason.

        lag: Tells how many publications follow a number, as far as they are in
            the window.

        seconds: Tells the time.
    """

    resume: Callable[[C], None]
    blocked: Callable[[C], None]
    unblocked: Callable[[C], None]
    ended: Callable[[C, EndReason], None]
    lag: Callable[[int], int]
    seconds: Callable[[], float]
