"""
`EventSource`: a client of event streams that reconnects by itself.

Follows "The EventSource interface" and "Processing model" of
https://html.spec.whatwg.org/multipage/server-sent-events.html, and adds what
programs need and browsers do not offer: limits, and a retry policy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Set
from types import TracebackType
from typing import Self, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_sse.client.backoff import RETRY_STATUSES, Backoff, BackoffState
from twisted_sse.client.iterators import EventIterator, SignalIterator, dispatch
from twisted_sse.client.reconnecting import Limits, Reconnector
from twisted_sse.client.request import HeadersLike, ParamsLike, check_id, make_request
from twisted_sse.client.signals import ReadyState, Signal
from twisted_sse.events.codec import MAX_EVENT_SIZE
from twisted_sse.events.event import ServerSentEvent

__all__ = ["EventSource"]

N = TypeVar("N", int | None, float | None)

_BACKOFF = Backoff()


class EventSource:
    """
    Follows one event stream, and resumes it whenever the connection is lost.

    ``async for event in source`` iterates over the events.  The iteration ends when
    the server answers 204, or after `close`.  A lost stream is requested again, with
    the last event ID, until *max_attempts* is reached or the server refuses.

    Nothing is read while the consumer does not ask for the next event: a slow
    consumer slows the server down, and memory is bounded by *max_event_size* and one
    read.

    Args:
        url: The URL of the stream.

        client: A treq client or an `IAgent`, which is responsible for certificates,
            proxies and sockets; by default an agent with one connection for each
            stream.

        headers: Headers of every request.

        method: The method of every request.

        body: The body of every request; text is sent as UTF-8.

        params: Added to the query of *url*.

        last_event_id: Start after this event; ``earliest`` asks a hub for everything
            in its history.

        backoff: How long to wait before each reconnection.

        retry_statuses: Statuses after which to try again, such as 503.

        max_attempts: The most failed attempts in a row; ``None`` is unlimited.

        read_timeout: The connection counts as lost after this time without any data,
            in seconds; comments are data.  ``None`` is unlimited.

        connect_timeout: The longest time from a request to the headers of its
            response, redirects included, in seconds; ``None`` leaves it to the
            client.

        max_event_size: The largest event, in bytes; ``None`` is unlimited.

        hold_comments: Whether a comment waits for the end of its block, so that it is
            certain to be the `comment` of an event that follows.  By default a comment
            at the end of what has arrived is a signal at once, and holds no memory.

        reactor: Keeps the time; by default the global reactor, looked up when it is
            first needed.

    Attributes:
        url: The URL that was passed.

    Raises:
        ValueError: An argument is invalid.
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
        retry_statuses: Set[int] = RETRY_STATUSES,
        max_attempts: int | None = None,
        read_timeout: float | None = 60.0,
        connect_timeout: float | None = 30.0,
        max_event_size: int | None = MAX_EVENT_SIZE,
        hold_comments: bool = False,
        reactor: IReactorTime | None = None,
    ) -> None:
        self.url = url
        limits = Limits(
            frozenset(retry_statuses),
            _positive("read_timeout", read_timeout),
            _positive("connect_timeout", connect_timeout),
            _positive("max_event_size", max_event_size),
            hold_comments,
        )
        state = BackoffState(backoff, _positive("max_attempts", max_attempts))
        request = make_request(url, method, headers, params, body)
        self._reconnector = Reconnector(
            request, check_id(last_event_id), state, limits, client, reactor
        )

    @property
    def ready_state(self) -> ReadyState:
        """
        The state of the stream, as of the last signal that the consumer has received.
        """
        return self._reconnector.ready_state

    @property
    def last_event_id(self) -> str:
        """
        The ID of the last event that the consumer has received, or "".
        """
        return self._reconnector.last_event_id

    @property
    def origin(self) -> str:
        """
        The origin of the stream after all redirects, as browsers write it, such as
        ``https://example.com``; "" before the first stream is open.
        """
        return self._reconnector.origin

    @property
    def reconnection_time(self) -> float:
        """
        The shortest delay before a reconnection, in seconds.
        """
        return self._reconnector.reconnection_time

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
        return EventIterator(self._reconnector.advance)

    def signals(self) -> AsyncIterator[Signal]:
        """
        Iterate over the events, and over what happens between them.

        Besides each `ServerSentEvent` that ``async for event in source`` yields, this
        yields `Opened`, `Comment`, `Control` and `Lost`, in order.

        Raises:
            RuntimeError: From the iteration: another consumer is waiting already.  A
                source has one consumer at a time.

            UnexpectedStatus, UnexpectedContentType, UnexpectedContentEncoding: From the
                iteration: the server refuses for good, or is not understood.

            TooManyAttempts: From the iteration: *max_attempts* is reached.
        """
        return SignalIterator(self._reconnector.advance)

    def run(
        self,
        on_event: Callable[[ServerSentEvent], object],
        on_signal: Callable[[Signal], object] | None = None,
    ) -> Deferred[None]:
        """
        Call a function for each event, one after the other.

        Args:
            on_event: May return a `Deferred` or a coroutine, which is waited for before
                the next event.

            on_signal: The same for everything else that `signals` yields.

        Returns:
            Fires with ``None`` when the server answers 204, or after `close`.  Fails as
            `signals` does, or with the error of a function.  Cancelling it closes the
            source.
        """
        return Deferred.fromCoroutine(self._run(on_event, on_signal))

    def close(self) -> None:
        """
        Close the connection for good, and end the iteration.

        May be called at any time, and more than once.
        """
        self._reconnector.close()

    async def _run(
        self,
        on_event: Callable[[ServerSentEvent], object],
        on_signal: Callable[[Signal], object] | None,
    ) -> None:
        async with self:
            await dispatch(self.signals(), on_event, on_signal)


def _positive(name: str, value: N) -> N:
    if value is not None and not value > 0:
        raise ValueError(f"{name} must be greater than 0, not {value!r}")
    return value
