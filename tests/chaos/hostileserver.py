"""
A server that writes HTTP by hand, mostly incorrectly: one port for each client.
"""

import random
from collections import Counter
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.chaos.answers import SILENT_CLOSE, Answer, End, bad_answer
from tests.chaos.behaviors import READ_TIMEOUT, Behavior, Source
from tests.chaos.checks import Fault
from tests.chaos.ending import client_is_connected, end_connection
from tests.chaos.numbered import NumberedEvents
from tests.chaos.requestchecks import ClientRequest, RequestChecker
from tests.chaos.requests import Request, parse
from tests.chaos.streams import final_stream, stream

__all__ = ["HostileServer"]

# How long a client may keep a connection that has ended, in seconds.
_TIMEOUT = 40.0

# Between two comments of an idle server, in seconds.
_COMMENT_INTERVAL = 0.4 * READ_TIMEOUT

# After these answers the server may stop reading, so that it sends no TLS close_notify.  After
# an answer that is complete, or not HTTP, Twisted would wait for it until TCP gives up.
_UNREAD = ("stream stalled", "stream endless", "silence", "head stalled")


class HostileServer(Factory):
    """
    The server of one client.

    Args:
        number: The number of the client.

    Attributes:
        well_behaved: Whether it sends only correct answers from now on, and the end marker.

        checker: Checks the requests of the client.
    """

    # Twisted would log every connection.
    noisy = False

    def __init__(self, reactor: Any, seed: int, number: int, behavior: Behavior) -> None:
        self.well_behaved = False
        self.behavior = behavior
        self.reactor = reactor
        self.rng = random.Random(f"{seed} server {number}")
        self.log = NumberedEvents(seed, number, behavior.long_waits)
        self.checker = RequestChecker(f"client {number}", behavior, self.log)
        self.connections: set[_Connection] = set()
        self.counts: Counter[str] = Counter()
        self._redirections = 0

    def buildProtocol(self, address: object) -> "_Connection":
        """
        See `IProtocolFactory.buildProtocol`.
        """
        return _Connection(self)

    def answer(self, request: ClientRequest, last: int) -> Answer:
        """
        Choose the answer to *request*.
        """
        if self.well_behaved:
            return final_stream(self.rng, self.log, last, self.checker.highest)
        if self.rng.random() < 0.6:
            return stream(self.rng, self.log, last)
        self._redirections += 1
        return bad_answer(self.rng, f"/redirected/{self._redirections}", self.behavior.long_waits)

    def end_others(self, newest: "_Connection") -> None:
        """
        Check that the client has closed all other connections, and end them.

        The kernel knows of a close before this program does.
        """
        for connection in self.connections - {newest}:
            if connection.request is not None and connection.client_is_connected():
                sentence = f"two open connections, one of them answered by {connection.name}"
                self.fault("overlap", sentence)
            connection.report()
            cast(Any, connection.transport).abortConnection()

    def fault(self, kind: str, what: str) -> None:
        """
        Record a violation by the client.
        """
        self.checker.faults.append(Fault(kind, f"{self.checker.name}: {what}."))


class _Connection(Protocol):
    """
    One connection: a request and its answer.

    Attributes:
        request: The request, once it has arrived.
    """

    def __init__(self, server: HostileServer) -> None:
        self.request: ClientRequest | None = None
        self._server = server
        self._received = b""
        self._answer = SILENT_CLOSE
        self._last = 0
        self._accepted = self._begun = self._last_write = 0.0
        self._written = 0
        self._reported = False
        # When the client may first notice the end of the answer.
        self._since: float | None = None
        self._answering: Deferred[None] | None = None
        self._timeout: Any = None

    @property
    def name(self) -> str:
        """
        The name of its answer.
        """
        return self._answer.name

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`.
        """
        server = self._server
        self._accepted = server.reactor.seconds()
        server.connections.add(self)
        if not server.well_behaved and server.rng.random() < 0.02:
            server.checker.closed_silently(self._accepted)
            server.counts["silent close"] += 1
            cast(Any, self.transport).loseConnection()

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        self._received += data
        request = parse(self._received)
        if request is None:
            return
        if self.request is not None:
            self._server.fault("second request", repr(data[:60]))
            return
        self._take(request)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self._server.connections.discard(self)
        if self._timeout is not None and self._timeout.active():
            self._timeout.cancel()
        if self._answering is not None:
            self._answering.cancel()
        self.report()

    def report(self) -> None:
        """
        Report to the checker, once, how the connection has ended.
        """
        if self.request is None or self._reported:
            return
        self._reported = True
        server, now = self._server, self._server.reactor.seconds()
        answer, silence = self._answer, float("inf")
        if self._since is None and (answer.opened or self._written < answer.recognized_after):
            silence = now - self._last_write
        since = self._last_write if self._since is None else self._since
        server.checker.add_end(self.request, self._last, answer, now - self._begun, since, silence)

    def client_is_connected(self) -> bool:
        """
        Return whether the client's half is still open.
        """
        return client_is_connected(self.transport)

    def _take(self, request: Request) -> None:
        server = self._server
        self._begun = self._last_write = server.reactor.seconds()
        self._check_request(request)
        number, _, why = request.headers["x-source"].partition(" ")
        last_event_id = request.headers.get("last-event-id", "")
        source = Source(int(number), why)
        self.request = ClientRequest(self._accepted, source, last_event_id, request.redirected)
        server.end_others(self)
        self._last = server.checker.add_request(self.request)
        self._answer = server.answer(self.request, self._last)
        self._answering = Deferred.fromCoroutine(self._write_answer())

    def _check_request(self, request: Request) -> None:
        wanted = self._server.behavior.body
        # A redirect may have turned a POST into a GET.
        got = (request.method, request.body) == ("POST" if wanted else "GET", wanted)
        if not got and not (request.redirected and (request.method, request.body) == ("GET", "")):
            self._server.fault("another request", f"{request.method} with {request.body!r}")
        if request.headers.get("accept") != "text/event-stream":
            self._server.fault("another request", f"Accept: {request.headers.get('accept')}")

    async def _write_answer(self) -> None:
        answer, rng = self._answer, self._server.rng
        try:
            while self._written < len(answer.wire):
                await self._pause()
                size = rng.choice((1, 50, 2000, len(answer.wire)))
                self._write(answer.wire[self._written : self._written + size])
                self._written += size
            for _ in range(answer.comments):
                await deferLater(self._server.reactor, _COMMENT_INTERVAL)
                self._write(b":\n\n")
            if not answer.tail and answer.end is not End.STALL:
                # A client that knows the length notices the end at once.
                self._since = self._last_write
            await self._pause()
            self._finish()
        except CancelledError:
            return

    def _write(self, data: bytes) -> None:
        cast(Any, self.transport).write(data)
        self._last_write = self._server.reactor.seconds()

    async def _pause(self) -> None:
        rng = self._server.rng
        if self._written == 0 or rng.random() < 0.1:
            await deferLater(self._server.reactor, rng.choice((0.0, 0.01, 0.05, 0.3)))

    def _finish(self) -> None:
        answer, transport = self._answer, cast(Any, self.transport)
        self._since = self._last_write
        if answer.tail:
            self._since = self._server.reactor.seconds()
            transport.write(answer.tail)
        elif answer.end is End.STALL and answer.opened:
            self._since += READ_TIMEOUT
        if answer.name in _UNREAD and self._server.rng.random() < 0.5:
            transport.pauseProducing()
        end_connection(transport, answer.end, self._server.reactor, self._server.rng)
        if answer.end is not End.RESET:
            self._timeout = self._server.reactor.callLater(_TIMEOUT, self._give_up)

    def _give_up(self) -> None:
        if self.client_is_connected():
            self._server.fault("stayed connected", f"{_TIMEOUT} s after {self.name}")
        cast(Any, self.transport).abortConnection()
