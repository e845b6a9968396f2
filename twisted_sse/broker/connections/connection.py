"""
One open event stream of one subscriber.

A connection is a cursor, not a queue.  A live connection shares the position of
its audience; one that is behind has its own, and costs nothing while it cannot be
written to.

Every end of a connection goes through `Connection.end`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from twisted_sse.broker.audiences.audience import NOT_LIVE, Audience
from twisted_sse.broker.connections.backlog import Backlog, SentTopics
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.errors import InvalidEvent
from twisted_sse.events import codec
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.preamble import LOST, OLDEST, UNLOCATED
from twisted_sse.events.publication import Position
from twisted_sse.topics import Selection
from twisted_sse.transport.sink import Sink

__all__ = ["Connection", "ConnectionObserver", "Phase", "frame_to_push"]

#: The stream has not begun yet; or it is live; or it is sent what it has missed; or its
#: reader does not take what was sent.
Phase = Literal["opening", "live", "behind", "blocked"]

C = TypeVar("C")

# What follows within this time, in seconds, happens at once.
_AT_ONCE = 0.001


class ConnectionObserver(NamedTuple, Generic[C]):
    """
    The callbacks that a connection reports to.

    Attributes:
        resume: The connection is behind and can be written to.

        blocked: The connection cannot be written to.

        unblocked: The connection can be written to again.

        ended: The connection has ended, for this reason.

        lag: Counts the publications that follow a number, as far as they are in
            the window.

        seconds: Tells the time.

        name: Names the connection with a number.
    """

    resume: Callable[[C], None]
    blocked: Callable[[C], None]
    unblocked: Callable[[C], None]
    ended: Callable[[C, EndReason], None]
    lag: Callable[[int], int]
    seconds: Callable[[], float]
    name: Callable[[int], str]


class Connection:
    """
    The hub makes one for each subscriber; applications find it in ``hub.connections``.

    Attributes:
        fixed: Whether its topics cannot be changed.

        user: The user that the grant names, or ``None``.

        address: Where the subscriber connects from.

        since: When the connection was made, in seconds of the hub's clock.

        number: Its number in the `Registry`, from 1.

        protocol: What the subscriber speaks, such as ``HTTP/2``; empty if unknown.

        ended: The reason why it has ended, or ``None``.

        written: When it was last written to on its own, in seconds.

        due: The check at which `Keepalive` looks at it, or ``None``.

        reading: Whether history is being read for it.

        backlog: What it has to be sent before it goes on with other topics.

        began: The number of the position that its stream began after, less than 0 if
            its reader has been sent what precedes that.

        sent: What it has been sent, if its topics have changed.

        begun: Whether the listeners of `Hub.on_connect` have been called for it.

        events_alone, bytes_alone: See `twisted_sse.broker.audiences.audience.Member`.
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
        "backlog",
        "began",
        "begun",
        "bytes_alone",
        "due",
        "ended",
        "events_alone",
        "fixed",
        "number",
        "protocol",
        "reading",
        "sent",
        "since",
        "slot",
        "user",
        "written",
    )

    def __init__(
        self,
        observer: ConnectionObserver[Connection],
        audience: Audience,
        sink: Sink,
        user: str | None,
        address: IAddress,
    ) -> None:
        self._observer = observer
        self._sink = sink
        self._blocked = True
        self._final: ServerSentEvent | None = None
        self._opened = False
        self._state: dict[str, Any] | None = None
        self._until: float | None = None
        self.audience = audience
        self.fixed = True
        self.user = user
        self.address = address
        self.since = self.written = observer.seconds()
        self.slot = NOT_LIVE
        self.number = 0
        self.protocol = ""
        self._position = Position(0, "")
        self.reading = False
        self.backlog: Backlog | None = None
        self.began = OLDEST.number
        self.sent: SentTopics | None = None
        self.begun = False
        self.events_alone = 0
        self.bytes_alone = 0
        self.due: int | None = None
        self.ended: EndReason | None = None

    # What applications see

    @property
    def name(self) -> str:
        """
        Nobody can guess it.  ``stream-open`` tells it to the subscriber, who changes its
        topics by it.
        """
        # Worked out, because it would be a part of what an idle stream takes (benchmarks,
        # memory).
        return self._observer.name(self.number)

    @property
    def topics(self) -> Selection:
        """
        The topics that it subscribes to: iterate over the selectors, print them, or ask
        what they match.
        """
        return self.audience.interest.wanted

    @property
    def state(self) -> dict[str, Any]:
        """
        A dictionary for the application, kept as long as the connection lasts.
        """
        if self._state is None:
            self._state = {}
        return self._state

    @property
    def position(self) -> Position:
        """
        The position up to which it has been sent everything that it subscribes to.
        """
        return self.audience.position_of(self) if self.live else self._position

    @position.setter
    def position(self, position: Position) -> None:
        self._position = position

    @property
    def lag(self) -> int:
        """
        The number of publications that it is behind.

        Publications to other topics count, and those that the window has
        forgotten do not.  It is 0 for a live connection, unless that is being
        written to at this moment.
        """
        return self._observer.lag(self.position.number)

    @property
    def duration(self) -> float:
        """
        How long it has lasted, in seconds: until now, or until it ended.
        """
        return (self._observer.seconds() if self._until is None else self._until) - self.since

    @property
    def sent_events(self) -> int:
        """
        How many published events it has been sent.
        """
        return self.audience.events_of(self)

    @property
    def sent_bytes(self) -> int:
        """
        How many bytes of the stream it has been sent, with their framing; the head of
        the response does not count.
        """
        return self.audience.bytes_of(self)

    @property
    def send(self) -> Callable[[bytes], int]:
        """
        See `Sink.send`.
        """
        return self._sink.send

    @property
    def live(self) -> bool:
        """
        Whether it has been sent everything, and gets the next event with its audience.
        """
        return self.slot != NOT_LIVE

    @property
    def phase(self) -> Phase:
        """
        How far it is: see `Phase`.
        """
        if self.live:
            return "live"
        if not self._opened:
            return "opening"
        return "blocked" if self._blocked else "behind"

    def push(self, event: ServerSentEvent) -> bool:
        """
        Send *event* to this subscriber alone, now or never.

        History does not keep the event: a subscriber that is away does not get
        it.  It precedes publications that have not been written yet.

        Returns:
            Whether it was written.  The transport keeps what the network does
            not take at once, and nothing more is written before that has left:
            until then this returns ``False`` and does nothing, as it does before
            the stream has begun and after it has ended.

        Raises:
            InvalidEvent: The event has an ID, which would move the subscriber's
                position.
        """
        return self.push_frame(frame_to_push(event))

    def close(self, final: ServerSentEvent | None = None) -> None:
        """
        End the stream in good order, after the event *final* if there is one.

        A browser comes back after its reconnection time.
        """
        self.end(EndReason.CLOSED, final)

    def abort(self, reason: EndReason) -> None:
        """
        End the stream without waiting: what was not sent stays unsent.
        """
        if self.ended is None:
            self._sink.abort()
            self._opened = False
            self.end(reason)

    # What the sink tells

    def block(self) -> None:
        """
        The sink is full: stop being live.
        """
        self._blocked = True
        self.audience.leave(self)
        self._observer.blocked(self)

    def unblock(self) -> None:
        """
        The sink has room: continue.
        """
        self._blocked = False
        self._observer.unblocked(self)
        self.resume()

    def gone(self) -> None:
        """
        The subscriber left, or the network failed.
        """
        self.end(EndReason.GONE)

    # What the broker does

    @property
    def ready(self) -> bool:
        """
        Whether it is behind and can be sent more now.
        """
        return not (self._blocked or self.live or self.reading or self.ended)

    @property
    def unsent(self) -> int:
        """
        The number of bytes that were written and that its reader has not taken
        yet, as far as that is known.
        """
        return self._sink.unsent

    @property
    def silent_since(self) -> float:
        """
        When it was last written to, in seconds.
        """
        return max(self.written, self.audience.written) if self.live else self.written

    def open(self, position: Position, send_timeout: float | None) -> None:
        """
        Begin at *position*; the head of the response has been written.
        """
        self.position = position
        now = self._observer.seconds()
        # benchmarks (memory): not one more number for each stream that opens at once.
        if now - self.since > _AT_ONCE:
            self.written = now
        self._sink.limit(send_timeout)
        self._opened = True
        self._sink.open(self)

    def place(self, position: Position, preamble: bytes) -> None:
        """
        Continue at *position*, after the frames *preamble*.

        The connection was opened at `UNLOCATED` with `reading` set, because history
        could not be asked.
        """
        self.position = position
        self.reading = False
        payload = self._sink.framing(preamble)
        if self._blocked:
            self._sink.spill(payload)
        elif payload:
            self.write(payload)
        self.resume()

    def resume(self) -> None:
        """
        Ask to be sent more, if it is behind and can be written to.
        """
        if self.ready:
            self._observer.resume(self)

    def caught_up(self) -> None:
        """
        Become live, or end if it is to end when it has been sent everything, or if all
        its topics have ended.

        Call this when everything up to the audience's live position was sent.
        """
        if self.audience.over:
            self.end(EndReason.ENDED)
        elif self._final is not None:
            self.end(EndReason.DRAINED, self._final)
        else:
            self.audience.join(self)

    def write(self, payload: bytes) -> None:
        """
        Write framed *payload* to this connection alone.  It must not be blocked.
        """
        self.written = self._observer.seconds()
        self.bytes_alone += len(payload)
        try:
            sent = self.send(payload)
        except OSError:
            sent = 0
        if sent != len(payload):
            self.fell_short(payload, sent)

    def fell_short(self, payload: bytes, sent: int) -> None:
        """
        Stop being live: only the first *sent* bytes of *payload* were written.
        """
        self.block()
        self._sink.spill(payload[sent:])

    def push_frame(self, frame: bytes) -> bool:
        """
        Do what `push` does, for a frame that `frame_to_push` has made.
        """
        if self._blocked or self.ended is not None:
            return False
        self.write(self._sink.framing(frame))
        return True

    def keep_alive(self, comment: bytes) -> None:
        """
        Write *comment*, or what its representation has instead, unless bytes that are
        already on their way do as well.
        """
        if self._opened and not self._blocked:
            frame = self.audience.representation.keepalive or comment
            self.write(self._sink.framing(frame))

    def detach(self) -> bool:
        """
        Stop being live, to join another audience.

        Returns:
            Whether it has stopped.  If its audience is being written to at this
            moment, it stops right after.
        """
        self.written = self.silent_since
        self.audience.leave(self)
        return not self.live

    def attach(self, audience: Audience) -> None:
        """
        Continue in *audience* from the same position.  It must not be live.
        """
        self.audience = audience
        self.resume()

    def invalidate_position(self) -> None:
        """
        Stop being live: history has to say whether it still knows the position.
        """
        self.audience.leave(self)
        self.backlog = None
        if self._position not in (OLDEST, UNLOCATED):
            self._position = Position(LOST, self._position.id)

    def drain(self, final: ServerSentEvent) -> None:
        """
        End the stream after *final*, as soon as everything before it was sent.
        """
        if self.live or not self._opened or self._position == UNLOCATED:
            self.end(EndReason.DRAINED, final)
        else:
            self._final = final

    def dismiss(self, reason: EndReason) -> None:
        """
        End the stream in good order, or abort it if it is blocked: its reader
        may no longer have what is on its way.
        """
        if self._opened and self._blocked:
            self.abort(reason)
        else:
            self.end(reason)

    def end(self, reason: EndReason, final: ServerSentEvent | None = None) -> None:
        """
        End the stream and release everything.  Only the first call has an effect.

        What has failed does not look complete.
        """
        if self.ended is not None:
            return
        self.ended = reason
        self._until = self._observer.seconds()
        self.audience.leave(self)
        if self._opened and reason is not EndReason.GONE:
            try:
                self._finish(final, reason)
            except Exception:
                self._log.failure("A stream could not be ended")
        self._observer.ended(self, reason)

    def _finish(self, final: ServerSentEvent | None, reason: EndReason) -> None:
        if final is not None:
            self._sink.spill(self._sink.framing(codec.encode(final)))
        if reason is EndReason.FAILED:
            self._sink.truncate()
        else:
            self._sink.finish()


def frame_to_push(event: ServerSentEvent) -> bytes:
    """
    Encode *event*, which history does not keep, as one frame.

    Raises:
        InvalidEvent: The event has an ID, which would move the subscriber's
            position.
    """
    if not isinstance(event, ServerSentEvent):
        raise TypeError(f"What is pushed is {event!r}: write push(ServerSentEvent('text'))")
    if event.id is not None:
        raise InvalidEvent("A pushed event is not kept, so it cannot have an ID: leave out the id.")
    return codec.encode(event)
