"""
A client of event streams that comes back by itself: `EventSource`.

Follows "The EventSource interface" and "Processing model" of
https://html.spec.whatwg.org/multipage/server-sent-events.html, and adds what a
program needs and a browser keeps to itself: limits, and a policy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Set
from types import TracebackType
from typing import Self, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_sse.client.backoff import Backoff, Pace
from twisted_sse.client.iterators import Events, Signals, hand_over
from twisted_sse.client.reconnecting import Limits, Pursuit
from twisted_sse.client.request import HeadersLike, ParamsLike, check_id, request_of
from twisted_sse.client.signals import ReadyState, Signal
from twisted_sse.events.codec import MAX_EVENT_SIZE
from twisted_sse.events.event import ServerSentEvent

__all__ = ["EventSource"]

N = TypeVar("N", int | None, float | None)

_BACKOFF = Backoff()


class EventSource:
    """
    Follows one event stream, and resumes it whenever it is lost.

    ``async for event in source`` gives the events; it ends when the server says
    204, or after `close`.  A stream that is lost is asked for again, with the
    last event ID, until it may not be or the server refuses.

    While nobody asks for the next event, nothing is read: a slow consumer slows
    the server down, and memory is bounded by *max_event_size* and one read.

    Args:
        url: Of the stream.

        client: A treq client, or an `IAgent`; by default one with a connection
            for each stream.  Certificates, proxies and sockets are its matter.

        headers: Of every request.

        method: Of every request.

        body: Of every request; text is sent as UTF-8.

        params: Added to the query of *url*.

        last_event_id: What to begin after; ``earliest`` asks a hub for all that
            it has kept.

        backoff: How long to wait before the stream is asked for again.

        retry_statuses: The statuses that do not end it, such as 503.

        max_attempts: How often it may be tried in a row without getting a
            stream; ``None`` is for ever.

        read_timeout: A server that is silent for so many seconds has gone;
            comments are no silence.  ``None`` waits for ever.

        connect_timeout: How long it may take from a request to the headers of
            its answer, in seconds, redirects included; ``None`` leaves that to
            the client.

        max_event_size: The largest event, in bytes; ``None`` is unbounded.

        reactor: Keeps the time; the global one by default, looked up when it is
            first needed.

    Attributes:
        url: As it was given.

    Raises:
        ValueError: An argument cannot be obeyed.
    """

    def __init__(
        self,
        url: str,
        *,
        client: object = None,
        headers: HeadersLike = None,
        method: str = "GET",
        body: bytes | str | None = None,
        params: ParamsLike = None,
        last_event_id: str = "",
        backoff: Backoff = _BACKOFF,
        retry_statuses: Set[int] = frozenset({429, 502, 503, 504}),
        max_attempts: int | None = None,
        read_timeout: float | None = 60.0,
        connect_timeout: float | None = 30.0,
        max_event_size: int | None = MAX_EVENT_SIZE,
        reactor: IReactorTime | None = None,
    ) -> None:
        self.url = url
        limits = Limits(
            frozenset(retry_statuses),
            _positive("read_timeout", read_timeout),
            _positive("connect_timeout", connect_timeout),
            _positive("max_event_size", max_event_size),
        )
        pace = Pace(backoff, _positive("max_attempts", max_attempts))
        ask = request_of(url, method, headers, params, body)
        self._pursuit = Pursuit(ask, check_id(last_event_id), pace, limits, client, reactor)

    @property
    def ready_state(self) -> ReadyState:
        """
        What it is doing, as far as its consumer has seen it.
        """
        return self._pursuit.ready_state

    @property
    def last_event_id(self) -> str:
        """
        That of the last event that the consumer was handed; "" is none.
        """
        return self._pursuit.last_event_id

    @property
    def origin(self) -> str:
        """
        Where the stream comes from after all redirects, as browsers write it:
        ``https://example.com``; "" before it is open.
        """
        return self._pursuit.origin

    @property
    def reconnection_time(self) -> float:
        """
        How long it is waited at least before the stream is asked for again, in
        seconds.
        """
        return self._pursuit.reconnection_time

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __aiter__(self) -> AsyncIterator[ServerSentEvent]:
        return Events(self._pursuit.advance)

    def signals(self) -> AsyncIterator[Signal]:
        """
        The events, and what happens between them.

        Beside each `ServerSentEvent` that ``async for event in source`` gives:
        `Opened`, `Comment`, `Control` and `Lost`, in the order in which they
        happen.

        Raises:
            RuntimeError: While asking for the next: somebody else waits for it.
                A source has one consumer at a time.

            UnexpectedStatus, UnexpectedContentType: While asking for the next:
                the server refuses, for good.

            TooManyAttempts: While asking for the next: it may not be tried again.
        """
        return Signals(self._pursuit.advance)

    def run(
        self,
        on_event: Callable[[ServerSentEvent], object],
        on_signal: Callable[[Signal], object] | None = None,
    ) -> Deferred[None]:
        """
        Call a function for each event, one after the other.

        Args:
            on_event: May return a `Deferred` or a coroutine: what comes next
                waits for it.

            on_signal: The same for everything else that `signals` gives.

        Returns:
            Fires with ``None`` when the server says 204, or after `close`; fails
            as `signals` does, or with what a function raised.  Cancelling it
            closes the source.
        """
        return Deferred.fromCoroutine(self._run(on_event, on_signal))

    def close(self) -> None:
        """
        End it for good: the connection, and whoever waits for the next event.

        May be called at any time, and again.
        """
        self._pursuit.close()

    async def _run(
        self,
        on_event: Callable[[ServerSentEvent], object],
        on_signal: Callable[[Signal], object] | None,
    ) -> None:
        async with self:
            await hand_over(self.signals(), on_event, on_signal)


def _positive(name: str, value: N) -> N:
    if value is not None and not value > 0:
        raise ValueError(f"{name} must be greater than 0, not {value!r}")
    return value
