"""
The door as a sink, and the time and the sockets of those that wait at it.
"""

from typing import Any

from twisted.internet.interfaces import IProtocol, IPullProducer
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import alsoProvides, implementer
from zope.interface.verify import verifyObject

from tests.support.wires import FDClock, Wire
from tests.transport.sinks.directrules import DirectSinkRules
from tests.transport.sinks.wired import GET, LARGE, RecordingStream, SinkTestCase
from twisted_sse.transport.framing import chunked
from twisted_sse.transport.http.bounds import IWholeRequests
from twisted_sse.transport.http.door import Door
from twisted_sse.transport.http.doorrequest import DoorRequest
from twisted_sse.transport.http.lazyheaders import LazyHeaders
from twisted_sse.transport.http.plainheaders import PlainHeaders
from twisted_sse.transport.http.request import BoundedRequest
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.transport.sinks.choice import sink_for
from twisted_sse.transport.socketlimit import SocketLimits

__all__ = ["DoorRequestTests", "DoorSinkTests", "DoorTests", "LazyHeadersTests"]


class DoorSinkTests(DirectSinkRules, SinkTestCase):
    """
    A stream that was asked for at the door; with HTTP/1.0, the channel has been asked.
    """

    sink: Any

    def make_site(self, root: Any) -> Any:
        """
        See `SinkTestCase.make_site`.
        """
        alsoProvides(root, IWholeRequests)
        return StreamSite(root, reactor=self.clock)

    def begin(self, head: bytes = GET) -> None:
        """
        See `DirectSinkRules.begin`.
        """
        self.start(head, small=True)
        self.sink = self.make()

    def make(self) -> Any:
        """
        See `DirectSinkRules.make`.
        """
        return sink_for(self.request)

    def test_is_the_sink(self) -> None:
        """
        The protocol of the transport is the sink.
        """
        self.assertIs(self.sink, self.wire.transport.protocol)
        self.assertTrue(verifyObject(IPullProducer, self.sink))
        self.assertTrue(verifyObject(IProtocol, self.sink))

    def test_waits_for_the_headers(self) -> None:
        """
        The headers are sent with the first bytes at once, and the stream may go on.
        """
        stream = RecordingStream()
        self.request.write(b"first")
        self.sink.open(stream)

        self.assertEqual(stream.notes, ["unblock"])
        self.assertIsNone(self.wire.transport.producer)
        self.wire.run_until(lambda: b"5\r\nfirst\r\n" in self.wire.received)

    def test_large_beginning(self) -> None:
        """
        If the socket does not take the first bytes, the stream is blocked until it has.
        """
        stream = RecordingStream()
        self.request.write(LARGE)
        self.sink.open(stream)
        self.assertEqual(stream.notes, [])

        self.wire.run_until(lambda: bool(stream.notes))
        self.wire.run_until(lambda: self.body() == chunked(LARGE))
        self.assertEqual(stream.notes, ["unblock"])

    def test_unsent(self) -> None:
        """
        It knows how much of what was spilled has not been sent.
        """
        self.open(self.sink)
        self.sink.spill(LARGE)
        self.clock.turn()

        self.assertGreater(self.sink.unsent, 0)
        self.assertLess(self.sink.unsent, len(LARGE) + 1)

    def test_truncate_ahead(self) -> None:
        """
        A request that has arrived during a stream that is truncated is not answered.
        """
        self.open(self.sink)
        self.wire.send(GET)
        self.clock.turn()
        self.sink.truncate()
        self.wire.run_until(lambda: not self.wire.transport.connected)

        self.assertEqual(len(self.pages.requests), 1)

    def test_too_much_ahead(self) -> None:
        """
        A client that sends more than 16 KiB ahead is read on when the stream has ended.
        """
        self.open(self.sink)
        self.wire.send(GET * 600)
        for _ in range(5):
            self.clock.turn()
        self.assertEqual(self.clock.getReaders(), [])

        self.sink.finish()
        self.wire.run_until(lambda: len(self.pages.requests) == 2)


@implementer(IWholeRequests)
class Page(Resource):
    """
    Answers with its path, at once or when told.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []

    def render_GET(self, request: Request) -> bytes | int:
        """
        See `IResource.render`.
        """
        self.requests.append(request)
        return NOT_DONE_YET if request.path == b"/wait" else b"page"


class DoorTests(SynchronousTestCase):
    """
    `Door`.
    """

    def serve(self, **options: Any) -> None:
        """
        Make a site.
        """
        self.clock = FDClock()
        self.page = Page()
        self.site = StreamSite(self.page, reactor=self.clock, **options)

    def connect(self, *, small: bool = False) -> Wire:
        """
        Connect to it.
        """
        wire = Wire(self.clock, self.site.buildProtocol(None), small=small)
        self.addCleanup(wire.close)
        return wire

    def ask(self, wire: Wire, request: bytes = GET) -> None:
        """
        Send a request over *wire*, and let it be answered.
        """
        wire.send(request)
        self.clock.turn()
        if wire.transport.connected:
            wire.read()

    def test_one_send(self) -> None:
        """
        An answer is sent at once and whole, although its head is written separately.
        """
        self.serve()
        wire = self.connect()
        self.ask(wire)

        self.assertTrue(wire.received.endswith(b"\r\n\r\npage"))
        self.assertEqual(self.clock.getWriters(), [])

    def test_answers_later(self) -> None:
        """
        So is an answer that comes later, and each of its parts.
        """
        self.serve()
        wire = self.connect()
        self.ask(wire, GET.replace(b"/ ", b"/wait "))
        (request,) = self.page.requests
        request.write(b"a")
        wire.read()
        self.assertTrue(wire.received.endswith(b"\r\n\r\n1\r\na\r\n"))

        request.finish()
        wire.read()
        self.assertTrue(wire.received.endswith(b"0\r\n\r\n"))
        self.assertTrue(wire.transport.connected)

    def test_large_answer(self) -> None:
        """
        What the socket does not take is written as it becomes free, and the connection
        serves more requests.
        """
        self.serve()
        wire = self.connect(small=True)
        self.ask(wire, GET.replace(b"/ ", b"/wait "))
        (request,) = self.page.requests
        request.write(LARGE)
        request.write(b"end")
        request.finish()
        wire.run_until(lambda: wire.received.endswith(b"3\r\nend\r\n0\r\n\r\n"))
        self.ask(wire)

        wire.run_until(lambda: wire.received.endswith(b"page"))
        self.assertIn(b"\r\n\r\n" + chunked(LARGE) + chunked(b"end"), wire.received)

    def test_client_leaves(self) -> None:
        """
        A request whose client leaves before the answer is told.
        """
        self.serve()
        wire = self.connect()
        self.ask(wire, GET.replace(b"/ ", b"/wait "))
        left: list[object] = []
        self.page.requests[0].notifyFinish().addErrback(left.append)
        wire.client.close()
        self.clock.turn()

        self.assertEqual(len(left), 1)
        self.page.requests[0].write(b"nobody reads this")

    def test_silence(self) -> None:
        """
        A connection without a request is closed after 60 seconds, without an answer.
        """
        self.serve()
        first, second = self.connect(), self.connect()
        self.clock.advance(30)
        self.ask(second)
        self.clock.advance(29)
        self.assertTrue(first.transport.connected)
        self.clock.advance(1)
        self.clock.turn()
        self.assertEqual((first.transport.connected, first.received), (0, b""))

        self.assertTrue(second.transport.connected)
        self.clock.advance(30)
        self.clock.turn()
        self.assertFalse(second.transport.connected)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_time_limit(self) -> None:
        """
        A site without an idle time-out waits forever.
        """
        self.serve(timeout=None)
        wire = self.connect()
        self.clock.advance(10_000)

        self.assertEqual((wire.transport.connected, self.clock.getDelayedCalls()), (1, []))

    def test_answering_takes_time(self) -> None:
        """
        A request may be answered as late as it is.
        """
        self.serve()
        wire = self.connect()
        self.ask(wire, GET.replace(b"/ ", b"/wait "))
        self.clock.advance(10_000)

        self.assertEqual((wire.transport.connected, self.clock.getDelayedCalls()), (1, []))

    def test_leaves_no_call(self) -> None:
        """
        When the last connection has ended, nothing is left to be called.
        """
        self.serve()
        waiting, answered, answering = self.connect(), self.connect(), self.connect()
        self.ask(answered)
        self.ask(answering, GET.replace(b"/ ", b"/wait "))
        for wire in (waiting, answered, answering):
            wire.close()
            self.clock.turn()

        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_sockets(self) -> None:
        """
        Those that wait at the door make room for others; those that are answered do not.
        """
        self.serve(socket_limits=SocketLimits(total=2))
        busy, idle = self.connect(), self.connect()
        self.ask(busy, GET.replace(b"/ ", b"/wait "))
        third = self.connect()
        self.ask(third)
        self.assertEqual(
            [bool(one.transport.connected) for one in (busy, idle, third)], [True, False, True]
        )

        self.ask(third, GET.replace(b"/ ", b"/wait "))
        refused = self.connect()
        refused.send(GET)
        self.clock.turn()
        self.assertEqual(len(self.page.requests), 3)
        self.assertFalse(refused.transport.connected)

    def test_slots_move(self) -> None:
        """
        What is handed over keeps its slot, and gives it back once.
        """
        self.serve(socket_limits=SocketLimits(total=1))
        for _ in range(3):
            wire = self.connect()
            self.ask(wire, GET[:5])
            self.ask(wire, GET[5:])
            wire.run_until(lambda wire=wire: wire.received.endswith(b"page"))  # type: ignore[misc]
            wire.client.close()
            self.clock.turn()

    def test_shut(self) -> None:
        """
        A site may have its door shut, and anything but a choice is refused.
        """
        self.serve(door=False)
        wire = self.connect()
        self.ask(wire)

        self.assertNotIsInstance(wire.transport.protocol, Door)
        with self.assertRaisesRegex(TypeError, "^door is 'no': give True or False"):
            self.serve(door="no")

    def test_other_requests(self) -> None:
        """
        A site with a request factory of its own has no door.
        """

        class Request(BoundedRequest):
            pass

        self.serve(requestFactory=Request)
        wire = self.connect()
        self.ask(wire)

        self.assertIs(type(self.page.requests[0]), Request)

    def test_proxy(self) -> None:
        """
        Behind a wrapper that forwards attributes, nothing is written to its socket.
        """

        class Wrapped:
            def __init__(self, inner: Any) -> None:
                self._inner = inner

            def __getattr__(self, name: str) -> Any:
                return getattr(self._inner, name)

        self.serve()
        wire = self.connect()
        door: Any = self.site.buildProtocol(None)
        door.makeConnection(Wrapped(wire.transport))

        self.assertFalse(door.at_the_door)


class DoorRequestTests(SynchronousTestCase):
    """
    `DoorRequest` beside the request that the channel makes.
    """

    def test_attributes(self) -> None:
        """
        It has every attribute of such a request, and equal values where they tell of the
        request.
        """
        head = b"GET /wait?a=b&c HTTP/1.1\r\nHost: hub.example\r\nCookie: k=v\r\nX-a: b\r\n\r\n"
        found: list[Any] = []
        for door in (True, False):
            clock, page = FDClock(), Page()
            wire = Wire(clock, StreamSite(page, reactor=clock, door=door).buildProtocol(None))
            self.addCleanup(wire.close)
            wire.send(head)
            clock.turn()
            found += page.requests
        ours, other = found

        self.assertIs(type(ours), DoorRequest)
        # The constructor of Twisted sets it, which is called if there is a body to parse.
        missing = {one for one in vars(other) if not hasattr(ours, one)}
        self.assertEqual(missing - {"_parsePOSTFormSubmission"}, set())
        for name in ("method", "uri", "path", "clientproto", "args", "received_cookies", "prepath"):
            self.assertEqual(getattr(ours, name), getattr(other, name), name)
        self.assertEqual(ours.requestHeaders, other.requestHeaders)
        self.assertEqual(ours.getClientAddress().host, other.getClientAddress().host)
        self.assertEqual(ours.getHost().host, other.getHost().host)
        self.assertEqual(ours.getRequestHostname(), other.getRequestHostname())
        self.assertEqual(ours.isSecure(), other.isSecure())


class LazyHeadersTests(SynchronousTestCase):
    """
    `LazyHeaders` beside Twisted's.
    """

    CALLS = [
        ("getRawHeaders", b"Accept"),
        ("getRawHeaders", b"ACCEPT", [b"x"]),
        ("getRawHeaders", "accept"),
        ("getRawHeaders", b"Missing"),
        ("getRawHeaders", b"Missing", [b"x"]),
        ("getRawHeaders", "missing", ["x"]),
        ("hasHeader", b"x-a"),
        ("hasHeader", "X-A"),
        ("hasHeader", b"Missing"),
        ("setRawHeaders", b"X-A", [b"c", b"d"]),
        ("addRawHeader", b"X-A", b"c"),
        ("removeHeader", b"X-A"),
        ("copy",),
        ("__repr__",),
    ]

    def test_same(self) -> None:
        """
        Every call returns the same, before and after the headers were copied, and leaves
        the same.
        """
        for name, *arguments in self.CALLS:
            for is_copied in (False, True):
                with self.subTest(name, arguments=arguments, is_copied=is_copied):
                    ours: Any = LazyHeaders({b"accept": b"*/*", b"x-a": b"b"})
                    if is_copied:
                        ours.getAllRawHeaders()

                    self.compare(ours, name, *arguments)

    def test_plain(self) -> None:
        """
        The same holds for those of responses.
        """
        broken = ("setRawHeaders", b"X-A", [b"a\r\nb", "\xe4", "c\nd"])
        for name, *arguments in [*self.CALLS, broken, ("addRawHeader", "x-a", b"c\rd")]:
            with self.subTest(name, arguments=arguments):
                ours = PlainHeaders()
                ours.addRawHeader(b"Accept", b"*/*")
                ours.setRawHeaders("x-a", ["b"])

                self.compare(ours, name, *arguments)

    def compare(self, ours: Any, name: str, *arguments: object) -> None:
        """
        Make a call of *ours*, and of Twisted's with the same headers.
        """
        other: Any = Headers({b"Accept": [b"*/*"], b"x-a": [b"b"]})

        self.assertEqual(
            str(getattr(ours, name)(*arguments)), str(getattr(other, name)(*arguments))
        )
        self.assertEqual(list(ours.getAllRawHeaders()), list(other.getAllRawHeaders()))
        self.assertEqual(ours, other)

    def test_equal(self) -> None:
        """
        They are equal to what has the same headers, on either side.
        """
        ours = LazyHeaders({b"x-a": b"b"})

        self.assertEqual(ours, LazyHeaders({b"x-a": b"b"}))
        self.assertEqual(Headers({b"x-a": [b"b"]}), LazyHeaders({b"x-a": b"b"}))
        self.assertNotEqual(ours, Headers({b"x-a": [b"c"]}))

    def test_all_methods(self) -> None:
        """
        Every public method of Twisted's is one of these.
        """
        public = {one for one in vars(Headers) if not one.startswith("_")}

        for ours in (LazyHeaders, PlainHeaders):
            self.assertEqual(public - set(vars(ours)), set())
