"""
A server in memory, which a test plays byte by byte, and who reads from it.

Between them is Twisted's own `Agent`: only the network is not real.
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
    One connection: the request that came, and what is answered.

    As with a socket, nothing is read while the client does not read.

    Attributes:
        lost: Whether the client has closed it, or the server.
    """

    def __init__(self) -> None:
        super().__init__()
        self.protocol: IProtocol | None = None
        self.lost = False
        self.aborted = False
        self._unread: list[bytes] = []

    @property
    def request_line(self) -> str:
        """
        Such as ``GET /events HTTP/1.1``.
        """
        return str(self.value().partition(b"\r\n")[0], "ascii")

    @property
    def headers(self) -> Message:
        """
        Those of the request.
        """
        return message_from_bytes(self.value().partition(b"\r\n")[2])

    @property
    def body(self) -> bytes:
        """
        That of the request.
        """
        return self.value().partition(b"\r\n\r\n")[2]

    @property
    def unread(self) -> int:
        """
        How many bytes the client has left unread.
        """
        return sum(map(len, self._unread))

    def answer(
        self, status: str = "200 OK", *headers: str, kind: str | None = "text/event-stream"
    ) -> None:
        """
        Send the head of a response with a body in chunks.
        """
        lines = [f"HTTP/1.1 {status}", *headers]
        if kind is not None:
            lines.append(f"Content-Type: {kind}")
        if not status.startswith("204"):
            lines.append("Transfer-Encoding: chunked")
        self.raw("\r\n".join([*lines, "", ""]).encode())

    def redirect(self, status: str, location: str) -> None:
        """
        Send a redirect that has a body, of which the end does not come.
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
        End the body in good order.
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
        Lose the connection without a word.
        """
        self._lose(ConnectionLost())

    def resumeProducing(self) -> None:
        """
        See `IPushProducer.resumeProducing`.
        """
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
            self.protocol.dataReceived(self._unread.pop(0))

    def _lose(self, reason: Exception) -> None:
        if not self.lost:
            self.lost = True
            assert self.protocol is not None
            self.protocol.connectionLost(Failure(reason))


@implementer(IAgentEndpointFactory)
class MemoryServer:
    """
    Takes connections.

    Attributes:
        clock: The time of everything in the test.

        agent: For an `EventSource`.

        exchanges: All connections, the newest last.

        places: Where each was made to, such as ``https://example.com:443``.

        refuses: Whether further connections are refused.
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
        The connection that was made last.
        """
        return self.exchanges[-1]

    @property
    def open(self) -> int:
        """
        How many connections there are.
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

    def source(self, url: str = URL, **options: Any) -> EventSource:
        """
        An `EventSource` that reads from here, without jitter.
        """
        options.setdefault("client", self.agent)
        options.setdefault("reactor", self.clock)
        return EventSource(url, **options)


class Reader:
    """
    A consumer, which asks for one signal after the other.

    Args:
        greedy: Ask for the next as soon as there is one.

    Attributes:
        got: What it was given.

        error: What was raised instead of a signal.

        ended: Whether there are no more.
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
        What it was given last.
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
        What was given of one kind.
        """
        return [one for one in self.got if isinstance(one, kind)]

    def ask(self) -> None:
        """
        Ask for the next; the greedy asks by itself.
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
