"""
How long a request may take, bodies that are too large, and slots of sockets; in memory.
"""

from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection as H2Client
from h2.events import ResponseReceived, StreamReset
from h2.settings import SettingCodes
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_sse.transport.http.site import StreamSite
from twisted_sse.transport.socketlimit import SocketLimits

__all__ = ["BodyTests", "PlainSlotTests", "PlainTimeTests", "SlotTests", "TimeTests"]

POST = [(":method", "POST"), (":scheme", "https"), (":authority", "a"), (":path", "/")]
GET = [(":method", "GET"), *POST[1:]]


class Secured(StringTransportWithDisconnection):
    """
    A transport that has negotiated HTTP/2.
    """

    negotiatedProtocol = b"h2"


class Slow(Resource):
    """
    Answers with the size of the body, or later.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Request] = []

    def render_GET(self, request: Request) -> int:
        """
        Answer when a test says so.
        """
        self.waiting.append(request)
        return NOT_DONE_YET

    def render_POST(self, request: Any) -> bytes:
        """
        Answer at once.
        """
        return b"%d %r" % (len(request.content.read()), request.too_large)


class Case(SynchronousTestCase):
    """
    Has a site, and clients.
    """

    OPTIONS: dict[str, Any] = {"max_body": 1000}
    TRANSPORT: type[StringTransportWithDisconnection] = Secured

    def setUp(self) -> None:
        """
        Make the site, and connect.
        """
        self.clock = Clock()
        self.slow = Slow()
        self.site = StreamSite(self.slow, reactor=self.clock, **self.OPTIONS)
        # The resource answers, as those with a limit of their own do.
        self.site.refuses_large_bodies = False
        self.connect()

    def connect(self) -> StringTransportWithDisconnection:
        """
        Open a connection, which the other methods use from now on.
        """
        self.transport = self.TRANSPORT()
        self.protocol: Any = self.site.build_channel(self.transport.getPeer())
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)
        self.client = H2Client(H2Configuration(validate_outbound_headers=False))
        self.client.initiate_connection()
        self.events: list[Any] = []
        self.exchange()
        return self.transport

    def exchange(self, extra: bytes = b"") -> None:
        """
        Send what the client has to send, and let it receive what the server sends.
        """
        data = self.client.data_to_send() + extra
        if data and self.transport.connected:
            self.protocol.dataReceived(data)
        self.clock.advance(0)
        received, _ = self.transport.value(), self.transport.clear()
        self.events += self.client.receive_data(received)
        # Acknowledgments, if there is a need.
        if self.transport.connected:
            self.protocol.dataReceived(self.client.data_to_send())

    def drip(self, seconds: int, data: bytes = b"", stream: int | None = None) -> None:
        """
        Send a byte each second: of a body, or *data*.
        """
        for _ in range(seconds):
            if stream is not None and self.transport.connected:
                self.client.send_data(stream, b"x")
            self.exchange(data)
            self.clock.advance(1)
        self.exchange()

    @property
    def statuses(self) -> list[str]:
        """
        The statuses of the answers.
        """
        answers = [one for one in self.events if isinstance(one, ResponseReceived)]
        return [dict(one.headers)[b":status"].decode() for one in answers]

    def leave(self) -> None:
        """
        Close the connection; no timer may be left.
        """
        if self.transport.connected:
            self.transport.loseConnection()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class TimeTests(Case):
    """
    How long a client may take.
    """

    def test_body(self) -> None:
        """
        A body that drips, or does not come, is answered with 408, and other streams stay.
        """
        self.client.send_headers(1, GET, end_stream=True)
        self.client.send_headers(3, POST)
        self.client.send_headers(5, POST)
        self.drip(29, stream=5)
        self.assertEqual(self.statuses, [])

        self.drip(3)
        self.assertEqual(self.statuses, ["408", "408"])
        self.slow.waiting[0].finish()
        self.exchange()
        self.assertEqual(self.statuses, ["408", "408", "200"])
        self.leave()

    def test_complete_body(self) -> None:
        """
        A request that is complete leaves no timer behind.
        """
        self.client.send_headers(1, POST)
        self.exchange()
        self.client.send_data(1, b"x", end_stream=True)
        self.exchange()
        self.drip(40)

        self.assertEqual(self.statuses, ["200"])
        self.leave()

    def test_reset_body(self) -> None:
        """
        Neither does a request that is reset.
        """
        self.client.send_headers(1, POST)
        self.exchange()
        self.client.reset_stream(1)
        self.exchange()

        self.leave()

    def test_half_headers(self) -> None:
        """
        A list of headers that does not end closes the connection after 10 seconds.
        """
        # RFC 9113, 6.2: HEADERS without END_HEADERS, and 6.10: CONTINUATION.
        self.exchange(b"\0\0\1\1\0\0\0\0\1\x82")
        self.drip(9, b"\0\0\0\x09\0\0\0\0\1")
        self.assertTrue(self.transport.connected)

        self.drip(3)
        self.assertFalse(self.transport.connected)
        self.leave()

    def test_half_frame(self) -> None:
        """
        So does a frame, whatever else the connection does.
        """
        self.client.send_headers(1, GET, end_stream=True)
        self.exchange(b"\0\0\x08\6")
        self.drip(11)

        self.assertFalse(self.transport.connected)
        self.leave()

    def test_slow_frames(self) -> None:
        """
        Frames may arrive in pieces for as long as each becomes complete.
        """
        ping = b"\0\0\x08\6\0\0\0\0\0" + bytes(8)
        self.client.send_headers(1, GET, end_stream=True)
        self.exchange(ping[:4])
        self.drip(100, ping[4:] + ping[:4])

        self.assertTrue(self.transport.connected)
        self.leave()

    def test_pings(self) -> None:
        """
        A connection without a stream is closed after 60 seconds, pings or not.
        """
        self.drip(59, b"\0\0\x08\6\0\0\0\0\0" + bytes(8))
        self.assertTrue(self.transport.connected)

        self.drip(2)
        self.assertFalse(self.transport.connected)
        self.leave()


class BodyTests(Case):
    """
    Bodies that are too large.
    """

    def test_by_length(self) -> None:
        """
        A body whose length is too large is answered before it arrives.
        """
        self.client.send_headers(1, [*POST, ("content-length", "100000000000")])
        self.exchange()

        self.assertEqual(self.statuses, ["200"])
        self.assertEqual([one.error_code for one in self.events if type(one) is StreamReset], [0])
        self.leave()

    def test_by_what_arrives(self) -> None:
        """
        So is one that becomes too large.
        """
        self.client.send_headers(1, POST)
        self.client.send_data(1, b"x" * 1001)
        self.client.send_data(1, b"x" * 1001)
        self.exchange()
        self.exchange()

        self.assertEqual(self.statuses, ["200"])
        self.assertEqual(self.protocol._channel.streams, {})
        self.leave()

    def test_no_window(self) -> None:
        """
        A refusal is answered although the client's window has no room for its sentence.
        """
        self.client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
        self.exchange()
        self.client.send_headers(1, [(":method", "CONNECT"), (":authority", "a:80")])
        self.exchange()

        self.assertEqual(self.statuses, ["405"])
        self.assertEqual(self.protocol._channel.streams, {})


class SlotTests(Case):
    """
    The limit of sockets.
    """

    OPTIONS = {"socket_limits": SocketLimits(total=2)}

    def test_slots(self) -> None:
        """
        A connection with a whole request is kept; one with half a request makes room.
        """
        self.client.send_headers(1, GET, end_stream=True)
        self.exchange()
        kept = self.transport
        half = self.connect()
        self.client.send_headers(1, POST)
        self.exchange()

        self.connect()
        self.assertEqual((kept.connected, half.connected), (True, False))

        self.slow.waiting[0].finish()
        self.clock.advance(0)
        self.connect()
        self.assertEqual((kept.connected, self.transport.connected), (True, True))
        self.connect()
        self.assertEqual(kept.connected, False)


class PlainTimeTests(TimeTests):
    """
    How long a client without TLS may take, whose first bytes choose HTTP/2.
    """

    TRANSPORT = StringTransportWithDisconnection


class PlainSlotTests(SlotTests):
    """
    The limit of sockets, for clients without TLS.
    """

    TRANSPORT = StringTransportWithDisconnection
