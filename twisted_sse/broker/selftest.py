"""
Publishes to a topic of its own, and measures until its own stream has the event.

The event takes the way of every other one: through history and the fan-out.  Only the
network is not part of it.
"""

from __future__ import annotations

import secrets
from typing import Any

from twisted.application.service import Service
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, TimeoutError
from twisted.logger import Logger

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.broker.readiness import Fault
from twisted_sse.broker.subscriber import Subscriber
from twisted_sse.clock import looping_call
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.topics import Selection
from twisted_sse.transport.framing import Framing, raw
from twisted_sse.transport.sink import Stream

__all__ = ["SELF_TEST_TOPIC", "SelfTest"]

#: The topic of the events, which are private.
SELF_TEST_TOPIC = "twisted-sse/self-test"

# How long an event may take, in seconds.
_TIMEOUT = 5.0

_ADDRESS = IPv4Address("TCP", "127.0.0.1", 0)


class SelfTest(Service):
    """
    Args:
        interval: Seconds between two events.
    """

    _log = Logger()

    def __init__(self, broker: Broker, interval: float) -> None:
        self._broker = broker
        self._interval = interval
        self._sink = _TestSink()
        self._connection: Connection | None = None
        self._fault: Fault | None = None
        broker.readiness.checks.append(lambda: self._fault)

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        self._loop = looping_call(self._broker.clock, self._test)
        self._loop.start(self._interval)

    def stopService(self) -> None:
        """
        See `IService.stopService`.
        """
        super().stopService()
        self._loop.stop()
        if self._connection is not None:
            self._connection.close()

    def _test(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._round()).addErrback(self._note)

    async def _round(self) -> None:
        clock = self._broker.clock
        await self._listen()
        began = clock.seconds()
        token = secrets.token_hex(8)
        arrived = self._sink.wait_for(token).addTimeout(_TIMEOUT, clock)
        publishing = self._broker.submit((_publication(token),))
        publishing.addErrback(lambda failure: None if arrived.called else arrived.errback(failure))
        try:
            await arrived
        except TimeoutError:
            sentence = f"A test event has not arrived within {_TIMEOUT:g} seconds."
            raise RuntimeError(sentence) from None
        self._broker.measures.self_tests.observe(clock.seconds() - began)
        if self._fault is not None:
            self._log.info("The self-test succeeds again")
        self._fault = None

    async def _listen(self) -> None:
        """
        Open the stream, unless it is open.
        """
        if self._connection is not None and self._connection.ended is None:
            return
        self._sink = _TestSink()
        subscriber = Subscriber(
            sink=self._sink,
            selection=Selection.of([SELF_TEST_TOPIC]),
            grant=Grant("self-test", subscribe=[SELF_TEST_TOPIC]),
            address=_ADDRESS,
        )
        self._connection, opened = self._broker.admission.admit(subscriber, lambda *_: None)
        await opened

    def _note(self, failure: Any) -> None:
        if not self.running:
            return
        self._broker.measures.self_test_failures += 1
        if self._fault is None:
            self._log.warn("The self-test fails: {reason}", reason=failure.value)
        self._fault = Fault("self-test", str(failure.value))


class _TestSink:
    """
    A sink that waits for the data of one event.
    """

    unsent = 0

    def __init__(self) -> None:
        self.framing: Framing = raw
        self._token = b""
        self._arrived: Deferred[None] = Deferred()

    def wait_for(self, token: str) -> Deferred[None]:
        """
        Fire when *token* has been written.
        """
        self._token = token.encode("ascii")
        self._arrived = Deferred()
        return self._arrived

    def limit(self, send_timeout: float | None) -> None:
        """
        See `Sink.limit`.
        """

    def open(self, stream: Stream) -> None:
        """
        See `Sink.open`: there is always room.
        """
        stream.unblock()

    def send(self, payload: bytes) -> int:
        """
        See `Sink.send`.
        """
        if self._token and self._token in payload:
            self._token = b""
            if not self._arrived.called:
                self._arrived.callback(None)
        return len(payload)

    def spill(self, rest: bytes) -> None:
        """
        See `Sink.spill`.
        """
        self.send(rest)

    def finish(self) -> None:
        """
        See `Sink.finish`.
        """

    def truncate(self) -> None:
        """
        See `Sink.truncate`.
        """

    def abort(self) -> None:
        """
        See `Sink.abort`.
        """


def _publication(token: str) -> Publication:
    return Publication((SELF_TEST_TOPIC,), ServerSentEvent(token), private=True)
