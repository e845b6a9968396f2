"""
An HTTP server in memory, which a test plays byte by byte, and its reader.

Between them is Twisted's own `Agent`: only the network is replaced.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import Message
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from twisted_sse.client import EventSource

__all__ = ["URL", "Exchange", "MemoryServer", "Reader"]

URL = "http://example.com/events"


class Exchange(StringTransport):
    """
    One connection: the request, and the response that the test sends.

    As with a socket, nothing is delivered while the client has paused reading.

    Attributes:
        lost: Whether the client or the server has closed the connection.
    """

    def __init__(self) -> None:
        super().__init__()
        self.protocol: IProtocol | None = None
        self.lost = False
        self.aborted = False
        self._unread: list[bytes] = []
        self._delivering = False
        self._losing: Failure | None = None

    @property
    def request_line(self) -> str:
        """
        Such as ``GET /events HTTP/1.1``.
        """
        return str(self.value().partition(b"\r\n")[0], "ascii")

    @property
    def headers(self) -> Message:
        """
        The headers of the request.
        """
        return message_from_bytes(self.value().partition(b"\r\n")[2])

    @property
    def body(self) -> bytes:
        """
        The body of the request.
        """
        return self.value().partition(b"\r\n\r\n")[2]

    @property
    def unread(self) -> int:
        """
        The number of bytes that the client has not read.
        """
        return sum(map(len, self._unread))

    def answer(
        self, status: str = "200 OK", *headers: str, kind: str | None = "text/event-stream"
    ) -> None:
        """
        Send the head of a response with a chunked body.
        """
        lines = [f"HTTP/1.1 {status}", *headers]
        if kind is not None:
            lines.append(f"Content-Type: {kind}")
        if not status.startswith("204"):
            lines.append("Transfer-Encoding: chunked")
        self.raw("\r\n".join([*lines, "", ""]).encode())

    def redirect(self, status: str, location: str) -> None:
        """
        Send a redirect with a body that does not end.
        """
        self.answer(status, f"Location: {location}", kind="text/html")
        self.send(b"Over there.")

    def send(self, data: bytes) -> None:
        """
        Send one chunk of the body.
        """
        self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        """
        End the body properly.
        """
        self.raw(b"0\r\n\r\n")

    def raw(self, data: bytes) -> None:
        """
        Send any bytes.
        """
        self._unread.append(data)
        self._deliver()

    def cut(self) -> None:
        """
        Lose the connection without ending the body.
        """
        self._lose(ConnectionLost())

    def resumeProducing(self) -> None:
        """
        See `IPushProducer.resumeProducing`.
        """
        if not self.lost:
            super().resumeProducing()
            self._deliver()

    def loseConnection(self) -> None:
        """
        See `ITransport.loseConnection`.
        """
        self._lose(ConnectionLost())

    def abortConnection(self) -> None:
        """
        See `ITCPTransport.abortConnection`.
        """
        self.aborted = True
        self._lose(ConnectionLost())

    def _deliver(self) -> None:
        while self._unread and self.producerState == "producing" and not self.lost:
            assert self.protocol is not None
            self._delivering = True
            self.protocol.dataReceived(self._unread.pop(0))
            self._delivering = False
            if self._losing is not None:
                self.protocol.connectionLost(self._losing)

    def _lose(self, reason: Exception) -> None:
        if self.lost:
            return
        self.lost = True
        assert self.protocol is not None
        if self._delivering:
            # As with a socket, never within a call of dataReceived.
            self._losing = Failure(reason)
        else:
            self.protocol.connectionLost(Failure(reason))


@implementer(IAgentEndpointFactory)
class MemoryServer:
    """
    A server that accepts connections.

    Attributes:
        clock: The clock of the whole test.

        agent: The agent for an `EventSource`.

        exchanges: All connections, the newest last.

        places: The origin of each connection, such as ``https://example.com:443``.

        refuses: Whether to refuse further connections.

        stalls: Whether to leave further connections pending.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.agent = Agent.usingEndpointFactory(self.clock, self)
        self.exchanges: list[Exchange] = []
        self.places: list[str] = []
        self.refuses = False
        self.stalls = False

    @property
    def newest(self) -> Exchange:
        """
        The newest connection.
        """
        return self.exchanges[-1]

    @property
    def open(self) -> int:
        """
        The number of open connections.
        """
        return sum(not exchange.lost for exchange in self.exchanges)

    def endpointForURI(self, uri: URI) -> MemoryServer:
        """
        See `IAgentEndpointFactory.endpointForURI`.
        """
        self.places.append(f"{uri.scheme.decode()}://{uri.host.decode()}:{uri.port}")
        return self

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        """
        See `IStreamClientEndpoint.connect`.
        """
        if self.refuses:
            return fail(ConnectionRefusedError())
        if self.stalls:
            return Deferred()
        exchange = Exchange()
        self.exchanges.append(exchange)
        exchange.protocol = factory.buildProtocol(None)  # type: ignore[arg-type]
        assert exchange.protocol is not None
        exchange.protocol.makeConnection(exchange)
        return succeed(exchange.protocol)

    def turn(self) -> None:
        """
        Make the calls that are due now, and not those that they schedule.
        """
        for call in self.clock.getDelayedCalls():
            if call.getTime() <= self.clock.seconds():
                self.clock.calls.remove(call)
                call.called = True
                call.func(*call.args, **call.kw)

    def source(self, url: str = URL, **options: Any) -> EventSource:
        """
        Make an `EventSource` that reads from this server.
        """
        options.setdefault("client", self.agent)
        options.setdefault("reactor", self.clock)
        return EventSource(url, **options)


class Reader:
    """
    A consumer that asks for one signal after the other.

    Args:
        greedy: Ask for the next signal as soon as one has come.

    Attributes:
        got: The signals so far.

        error: The error that ended the iteration.

        ended: Whether the iteration has ended.
    """

    def __init__(self, signals: AsyncIterator[Any], greedy: bool = True) -> None:
        self._signals = signals
        self._greedy = greedy
        self.got: list[Any] = []
        self.error: BaseException | None = None
        self.ended = False
        self.waiting: Deferred[None] | None = None
        if greedy:
            self.ask()

    @property
    def newest(self) -> Any:
        """
        The newest signal.
        """
        return self.got[-1]

    @property
    def data(self) -> list[str | None]:
        """
        The data of the events.
        """
        return [one.data for one in self.got if hasattr(one, "data")]

    def of(self, kind: type) -> list[Any]:
        """
        Return the signals of one type.
        """
        return [one for one in self.got if isinstance(one, kind)]

    def ask(self) -> None:
        """
        Ask for the next signal; a greedy reader does so by itself.
        """
        self.waiting = Deferred.fromCoroutine(self._ask())

    async def _ask(self) -> None:
        try:
            while True:
                self.got.append(await anext(self._signals))
                if not self._greedy:
                    return
        except StopAsyncIteration:
            self.ended = True
        except Exception as error:
            self.error = error
