"""
The pursuit of one stream: one attempt after the other, until it is over.

Everything happens when the consumer asks for the next signal, and in its
coroutine.  So no request is made for somebody who does not ask, there is never
more than one, and nothing goes on when the consumer is cancelled.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple, TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.error import SchemeNotSupported

from twisted_sse.client.agent import client_of
from twisted_sse.client.backoff import Pace
from twisted_sse.client.body import Body
from twisted_sse.client.cancellation import Wait
from twisted_sse.client.connect import FoundStream, find_stream
from twisted_sse.client.failures import root_of
from twisted_sse.client.redirects import web_origin
from twisted_sse.client.request import StreamRequest
from twisted_sse.client.signals import Lost, Opened, ReadyState, Signal, signal_of
from twisted_sse.errors import (
    EventTooLarge,
    TwistedSSEError,
    UnexpectedContentType,
    UnexpectedStatus,
)
from twisted_sse.events.codec import Decoder

__all__ = ["Limits", "Pursuit"]

T = TypeVar("T")

# Another attempt would end in the same way: the URL or the program is wrong.
_FATAL = (
    *(AttributeError, LookupError, SchemeNotSupported, TypeError, ValueError),
    UnexpectedContentType,
)


class Limits(NamedTuple):
    """
    What is borne; see `twisted_sse.client.EventSource`.
    """

    retry_statuses: frozenset[int]
    read_timeout: float | None
    connect_timeout: float | None
    max_event_size: int | None


class Pursuit:
    """
    Gives the signals of a stream, for one consumer.

    Args:
        ask: What every attempt asks for, the last event ID aside.

        client: As for `EventSource`.

        reactor: Keeps the time; ``None`` is the global one.

    Attributes:
        ready_state, last_event_id, origin: Those of the `EventSource`.
    """

    _log = Logger(namespace="twisted_sse.client")

    def __init__(
        self,
        ask: StreamRequest,
        last_event_id: str,
        pace: Pace,
        limits: Limits,
        client: object,
        reactor: IReactorTime | None,
    ) -> None:
        self.ready_state = ReadyState.CONNECTING
        self.last_event_id = last_event_id
        self.origin = ""
        self._ask = ask
        self._pace = pace
        self._limits = limits
        self._given_client = client
        self._given_reactor = reactor
        self._body: Body | None = None
        # When it may be tried again, and what is waited for.
        self._again = 0.0
        self._waiting: Deferred[Any] | None = None
        self._busy = False

    @property
    def reconnection_time(self) -> float:
        """
        How long it is waited at least before the next attempt, in seconds.
        """
        if self._body is not None:
            self._pace.asked(self._body.retry)
        return self._pace.least

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
            StopAsyncIteration: There is none.
        """
        if self._busy:
            raise RuntimeError("Somebody waits for this EventSource already: it has one consumer.")
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
        await self._rest()
        ask = self._ask.after(self.last_event_id)
        finding = find_stream(self._client, ask, self._clock, self._limits.connect_timeout)
        try:
            found = await self._wait(Deferred.fromCoroutine(finding))
        except CancelledError:
            raise
        except Exception as error:
            if self._is_fatal(error):
                raise
            return self._lose(root_of(error))
        if found is None:
            self.close()
            return None
        return self._open(found)

    async def _rest(self) -> None:
        left = self._again - self._clock.seconds()
        if left > 0:
            await self._wait(deferLater(self._clock, left))

    async def _receive(self, body: Body) -> Signal | None:
        block = body.take()
        if block is not None:
            if block.id is not None:
                self.last_event_id = block.id
            return signal_of(block)
        if body.reason is None:
            await self._wait(body.ready())
            return None
        self._body = None
        self._pace.asked(body.retry)
        self.ready_state = ReadyState.CONNECTING
        return self._lose(body.reason)

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

    def _open(self, found: FoundStream) -> Opened:
        response, url = found
        self.origin = web_origin(url)
        self.ready_state = ReadyState.OPEN
        attempt = self._pace.opened(self._clock.seconds())
        decoder = Decoder(self._limits.max_event_size, self.last_event_id)
        self._body = Body(decoder, self._clock, self._limits.read_timeout)
        self._body.read(response)
        self._log.info("{url}: the stream is open", url=self._place)
        return Opened(response.code, response.headers, attempt)

    def _lose(self, reason: Exception) -> Lost:
        now = self._clock.seconds()
        delay = self._pace.lost(reason, now)
        self._again = now + delay
        # Too large an event will come again: only a person can help.
        log = self._log.warn if isinstance(reason, EventTooLarge) else self._log.info
        text = "{url}: {reason} (next attempt in {delay:.1f} s)"
        # What Twisted's parser raises says little without its name.
        told = str(reason) if isinstance(reason, TwistedSSEError) else _described(reason)
        log(text, url=self._place, reason=told, delay=delay)
        return Lost(reason, delay)

    def _is_fatal(self, error: Exception) -> bool:
        if isinstance(error, UnexpectedStatus):
            return error.status not in self._limits.retry_statuses
        return isinstance(error, _FATAL)

    @property
    def _place(self) -> str:
        # For the log: a query may hold a token.
        return self._ask.url.partition("?")[0]

    @cached_property
    def _client(self) -> Any:
        return client_of(self._given_client, self._clock, self._limits.connect_timeout)

    @cached_property
    def _clock(self) -> IReactorTime:
        if self._given_reactor is not None:
            return self._given_reactor
        from twisted.internet import reactor

        return cast(IReactorTime, reactor)


def _described(reason: Exception) -> str:
    return f"{type(reason).__name__}: {reason}"
