"""
Reconnecting: attempt after attempt to open one stream, until it ends for good.

Everything happens in the consumer's coroutine, while it waits for the next
signal.  So nothing is requested before the consumer asks, one request is made at
a time, and cancelling the consumer stops everything.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.error import SchemeNotSupported

from twisted_sse.client.agent import client_of
from twisted_sse.client.backoff import BackoffState
from twisted_sse.client.body import Body
from twisted_sse.client.cancellation import Wait
from twisted_sse.client.connect import OpenedStream, open_stream
from twisted_sse.client.failures import loss_reason
from twisted_sse.client.redirects import web_origin
from twisted_sse.client.request import StreamRequest
from twisted_sse.client.signals import Lost, Opened, ReadyState, Signal, signal_of
from twisted_sse.clock import clock_for
from twisted_sse.errors import (
    EventTooLarge,
    TwistedSSEError,
    UnexpectedContentEncoding,
    UnexpectedContentType,
    UnexpectedStatus,
)
from twisted_sse.events.codec import Decoder

__all__ = ["Limits", "Reconnector"]

T = TypeVar("T")

# Another attempt would fail in the same way: the URL or the program is wrong.
_FATAL = (
    *(AttributeError, LookupError, SchemeNotSupported, TypeError, ValueError),
    *(UnexpectedContentEncoding, UnexpectedContentType),
)

# The longest event ID to send back, in characters: even in UTF-8 its header fits into
# the 16 KiB that servers usually take.
_MAX_ID = 4000


class Limits(NamedTuple):
    """
    The limits of a source; see `twisted_sse.client.EventSource`.
    """

    retry_statuses: frozenset[int]
    read_timeout: float | None
    connect_timeout: float | None
    max_event_size: int | None
    hold_comments: bool


class Reconnector:
    """
    Yields the signals of a stream to one consumer.

    Args:
        request: The request that every attempt repeats, without a last event ID.

        client: As for `EventSource`.

        reactor: Keeps the time; ``None`` is the global reactor.

    Attributes:
        ready_state, last_event_id, origin: Those of the `EventSource`.
    """

    _log = Logger(namespace="twisted_sse.client")

    def __init__(
        self,
        request: StreamRequest,
        last_event_id: str,
        backoff: BackoffState,
        limits: Limits,
        client: object,
        reactor: IReactorTime | None,
    ) -> None:
        self.ready_state = ReadyState.CONNECTING
        self.last_event_id = last_event_id
        self.origin = ""
        self._request = request
        self._backoff = backoff
        self._limits = limits
        self._client_argument = client
        self._reactor = reactor
        self._body: Body | None = None
        self._retry_at = 0.0
        self._waiting: Deferred[Any] | None = None
        self._busy = False

    @property
    def reconnection_time(self) -> float:
        """
        The shortest delay before the next attempt, in seconds.
        """
        if self._body is not None:
            self._backoff.set_retry(self._body.retry)
        return self._backoff.least

    def close(self) -> None:
        """
        See `EventSource.close`.
        """
        if self.ready_state is ReadyState.CLOSED:
            return
        self.ready_state = ReadyState.CLOSED
        body, self._body = self._body, None
        if body is not None:
            body.close()
        if self._waiting is not None:
            self._waiting.cancel()

    async def advance(self) -> Signal:
        """
        Wait for the next signal.

        Raises:
            StopAsyncIteration: The stream has ended for good.
        """
        if self._busy:
            raise RuntimeError("Another consumer is waiting for this EventSource already.")
        self._busy = True
        try:
            return await self._next()
        except StopAsyncIteration:
            raise
        except CancelledError:
            if self.ready_state is ReadyState.CLOSED:
                raise StopAsyncIteration from None
            raise
        except Exception:
            self.close()
            raise
        finally:
            self._busy = False

    async def _next(self) -> Signal:
        while self.ready_state is not ReadyState.CLOSED:
            body = self._body
            signal = await (self._connect() if body is None else self._receive(body))
            if signal is not None:
                return signal
        raise StopAsyncIteration

    async def _connect(self) -> Signal | None:
        await self._wait_for_retry()
        request = self._request.after(self.last_event_id)
        opening = open_stream(self._client, request, self._clock, self._limits.connect_timeout)
        try:
            opened = await self._wait(Deferred.fromCoroutine(opening))
        except CancelledError:
            raise
        except Exception as error:
            if self._is_fatal(error):
                raise
            return self._lost(loss_reason(error))
        if opened is None:
            self.close()
            return None
        return self._open(opened)

    async def _wait_for_retry(self) -> None:
        left = self._retry_at - self._clock.seconds()
        if left > 0:
            await self._wait(deferLater(self._clock, left))

    async def _receive(self, body: Body) -> Signal | None:
        block = body.take()
        if block is not None:
            if block.id is not None and len(block.id) <= _MAX_ID:
                self.last_event_id = block.id
            return signal_of(block)
        if body.reason is None:
            await self._wait(body.ready())
            return None
        self._body = None
        self._backoff.set_retry(body.retry)
        self.ready_state = ReadyState.CONNECTING
        return self._lost(body.reason)

    async def _wait(self, work: Deferred[T]) -> T:
        wait = Wait(work)
        self._waiting = wait.done
        try:
            return await wait.done
        except GeneratorExit:
            wait.abandon()
            raise
        finally:
            self._waiting = None

    def _open(self, opened: OpenedStream) -> Opened:
        response, url, slices = opened
        self.origin = web_origin(url)
        self.ready_state = ReadyState.OPEN
        attempt = self._backoff.opened(self._clock.seconds())
        decoder = Decoder(
            self._limits.max_event_size,
            self.last_event_id,
            hold_comments=self._limits.hold_comments,
        )
        self._body = Body(decoder, self._clock, self._limits.read_timeout, slices)
        self._body.read(response)
        self._log.info("{url}: the stream is open", url=self._log_url)
        return Opened(response.code, response.headers, attempt)

    def _lost(self, reason: Exception) -> Lost:
        now = self._clock.seconds()
        delay = self._backoff.lost(reason, now)
        self._retry_at = now + delay
        # A warning, because every resume brings an event that is too large again.
        log = self._log.warn if isinstance(reason, EventTooLarge) else self._log.info
        text = "{url}: {reason} (next attempt in {delay:.1f} s)"
        # Errors of Twisted's parser say little without their names.
        description = str(reason) if isinstance(reason, TwistedSSEError) else _described(reason)
        log(text, url=self._log_url, reason=description, delay=delay)
        return Lost(reason, delay)

    def _is_fatal(self, error: Exception) -> bool:
        if isinstance(error, UnexpectedStatus):
            return error.status not in self._limits.retry_statuses
        return isinstance(error, _FATAL)

    @property
    def _log_url(self) -> str:
        # Without the query, which may hold a token.
        return self._request.url.partition("?")[0]

    @cached_property
    def _client(self) -> Any:
        return client_of(self._client_argument, self._clock, self._limits.connect_timeout)

    @cached_property
    def _clock(self) -> IReactorTime:
        return clock_for(self._reactor)


def _described(reason: Exception) -> str:
    return f"{type(reason).__name__}: {reason}"
