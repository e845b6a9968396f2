"""
The client delivers what Chromium dispatches, and reconnects with the same header.
"""

from collections.abc import Iterator, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from tests.conformance.corpus import read_answers, read_corpus, read_deviations
from twisted_sse.client import EventSource
from twisted_sse.events.event import ServerSentEvent

__all__ = ["ClientTests", "TwoAnswersAgent"]

# Longer than any client waits, in seconds.
_LONG = 100_000.0


@implementer(IResponse)
class Response:
    """
    A response whose body arrives at once, in pieces.
    """

    version = (b"HTTP", 1, 1)
    phrase = b""
    length = None
    request = None
    previousResponse = None

    def __init__(self, code: int, pieces: Sequence[bytes]) -> None:
        self.code = code
        self.headers = Headers({"Content-Type": ["text/event-stream"]})
        self._pieces = pieces

    def deliverBody(self, protocol: IProtocol) -> None:
        """
        See `IResponse.deliverBody`.
        """
        protocol.makeConnection(StringTransport())
        for piece in self._pieces:
            protocol.dataReceived(piece)
        protocol.connectionLost(Failure(ResponseDone()))

    def setPreviousResponse(self, response: IResponse) -> None:
        """
        See `IResponse.setPreviousResponse`.
        """


@implementer(IAgent)
class TwoAnswersAgent:
    """
    Answers first with a stream, and then with 204, which ends the client.

    Attributes:
        header: The ``Last-Event-ID`` of the last request.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.header: str | None = None
        self._answers: Iterator[Response] = iter([Response(200, pieces), Response(204, [])])

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """
        See `IAgent.request`.
        """
        values = (headers or Headers()).getRawHeaders(b"Last-Event-ID")
        self.header = values[0].decode() if values else None
        return succeed(next(self._answers))


class ClientTests(SynchronousTestCase):
    """
    Every stream of the corpus, read by `EventSource` in memory.
    """

    def receive(self, pieces: Sequence[bytes]) -> tuple[list[list[str]], str | None]:
        """
        Read one stream to its end, and reconnect once.

        Returns:
            The events, and the header of the second request as a server reads it.
        """
        clock, agent = Clock(), TwoAnswersAgent(pieces)
        source = EventSource("http://hub.example/events", client=agent, reactor=clock)
        events = []

        def record(event: ServerSentEvent) -> None:
            events.append([event.event or "message", event.data or "", source.last_event_id])

        ended = source.run(record)
        clock.advance(_LONG)
        self.successResultOf(ended)
        # RFC 9110: "A field value does not include leading or trailing whitespace".
        return events, (agent.header or "").strip(" \t") or None

    def test_whole(self) -> None:
        """
        Events, last event IDs and the header of the reconnection are the same as Chromium's.
        """
        expected = read_answers() | read_deviations()
        differing = []
        for stream in read_corpus():
            answer = expected[stream.name]
            received = self.receive([stream.content])
            if received != (answer.events, answer.header or None):
                differing.append((stream.name, received, answer))

        self.assertEqual(differing, [])

    def test_byte_by_byte(self) -> None:
        """
        They do not change when every byte arrives alone.
        """
        differing = []
        for stream in read_corpus():
            content = stream.content
            received = self.receive([content[at : at + 1] for at in range(len(content))])
            if received != self.receive([content]):
                differing.append((stream.name, received))

        self.assertEqual(differing, [])
