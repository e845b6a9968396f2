"""
Limits on bodies: which resource has which, and what happens to a larger one.
"""

import tempfile
from typing import Any

import klein
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import EncodingResourceWrapper, Resource
from twisted.web.server import GzipEncoderFactory, Request
from twisted.web.static import File
from twisted.web.vhost import NameVirtualHost

from tests.support.http import Caller, H2Caller
from twisted_sse import EventSourceResponse, Grant, Hub, Unauthorized
from twisted_sse.klein import hub_routes
from twisted_sse.transport.http.bounds import bound_at
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.web.events import EventsResource

__all__ = ["BoundAtTests", "DescriptorTests", "SiteTests"]

MIB = 1024 * 1024
FORM = "application/x-www-form-urlencoded"


class Recorder(Resource):
    """
    A resource of the application's own.

    Attributes:
        bodies: The lengths of the bodies that it got.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[int] = []

    def render_POST(self, request: Request) -> bytes:
        """
        Answer ``POST``.
        """
        content: Any = request.content
        self.bodies.append(len(content.read()))
        return b"thanks"


def authorize(request: Request) -> Grant:
    """
    Only ada may do anything.
    """
    if request.getHeader("X-User") != "ada":
        raise Unauthorized("Who are you?")
    return Grant("ada", publish=["*"], public=True)


class BoundAtTests(SynchronousTestCase):
    """
    `bound_at`.
    """

    def tree(self) -> Resource:
        """
        A hub's resources in a tree.
        """
        hub = Hub(reactor=Clock())
        root, api = Resource(), Resource()
        root.putChild(b"api", api)
        api.putChild(b"events", EventsResource(hub.broker, max_body=100))
        api.putChild(b"wrapped", EncodingResourceWrapper(hub.resource(), [GzipEncoderFactory()]))
        api.putChild(b"upload", Recorder())
        api.putChild(b"count", EventSourceResponse([], clock=hub.clock))
        api.putChild(b"ask", EventSourceResponse([], methods=["POST"], clock=hub.clock))
        return root

    def test_tree(self) -> None:
        """
        A resource is found by its path, whatever the query.
        """
        for target, bound in (
            (b"/api/events", 100),
            (b"/api/events/", 100),
            (b"/api/%65vents?topic=/api/upload", 100),
            (b"/api/events/subscribe", MIB),
            (b"/api/events/nothing", 100),
            (b"/api/wrapped", MIB),
            (b"/api/count", MIB),
            (b"/api/ask", None),
            (b"/api/upload", None),
            (b"/api", None),
            (b"/", None),
            (b"/nothing", None),
            (b"*", None),
            (b"", None),
            (b"/%ff/%00", None),
        ):
            with self.subTest(target=target):
                self.assertEqual(bound_at(self.tree(), target), bound)

    def test_root(self) -> None:
        """
        A resource may be the root.
        """
        resource = EventsResource(Hub(reactor=Clock()).broker, max_body=100)

        self.assertEqual(bound_at(resource, b"/"), 100)

    def test_other_trees(self) -> None:
        """
        A tree of another kind has no limits.
        """

        class Odd(Resource):
            children = ["events"]

        for root in (NameVirtualHost(), Odd.__new__(Odd), File("."), object()):
            with self.subTest(root=root):
                self.assertIsNone(bound_at(root, b"/events"))

    def test_klein(self) -> None:
        """
        The routes of a hub in a Klein app have limits, and the others have none.
        """
        app = klein.Klein()
        hub_routes(app, Hub(reactor=Clock()), "/of/<user>", max_body=100)
        app.route("/upload", methods=["POST"])(lambda request: b"")
        app.route("/page", methods=["GET"])(lambda request: b"")
        root = Resource()
        root.putChild(b"app", app.resource())
        for target, bound in (
            (b"/of/ada", 100),
            (b"/of/ada/subscribe", 100),
            (b"/of/%C3%BC?x=1", 100),
            (b"/of/%ff", 100),
            (b"/upload", None),
            (b"/page", None),
            (b"/nothing", None),
        ):
            with self.subTest(target=target):
                self.assertEqual(bound_at(app.resource(), target), bound)
                self.assertEqual(bound_at(root, b"/app" + target), bound)

    def test_klein_object(self) -> None:
        """
        The app may belong to an object.
        """

        class Console:
            app = klein.Klein()
            hub_routes(app, Hub(reactor=Clock()), max_body=100)

        self.assertEqual(bound_at(Console().app.resource(), b"/events"), 100)


class SiteTests(SynchronousTestCase):
    """
    A `StreamSite` of an application.
    """

    def setUp(self) -> None:
        """
        Serve a Klein app with a hub, and an upload of the application's own.
        """
        self.clock = Clock()
        self.uploads = Recorder()
        self.app = klein.Klein()
        hub_routes(self.app, Hub(reactor=self.clock), authorize=authorize, max_body=30)
        self.app.route("/upload")(lambda request: self.uploads)
        self.serve()

    def serve(self, **options: Any) -> None:
        """
        Serve it.
        """
        self.site = StreamSite(self.app.resource(), reactor=self.clock, **options)

    def begin(self, target: str, **headers: str) -> Caller:
        """
        Send the headers of a request.
        """
        caller = Caller(self.site)
        caller.ask("POST", target, {"Content-Type": FORM, **headers})
        self.clock.advance(0)
        return caller

    def test_by_length(self) -> None:
        """
        A body whose length is too large is refused before it arrives: with 401 without a
        grant, else with 413.
        """
        for user, status in (("eve", 401), ("ada", 413)):
            with self.subTest(user=user):
                headers = {"X-User": user, "Content-Length": "200000000"}
                caller = self.begin("/events", **headers)

                self.assertEqual(caller.answer.status, status)
                self.assertEqual(caller.answer.header("Connection"), "close")
        self.assertIn("more than 30 bytes", caller.answer.detail)

    def test_by_count(self) -> None:
        """
        A body without a length is refused while it arrives, and not kept in a file.
        """
        for user, status in (("eve", 401), ("ada", 413)):
            with self.subTest(user=user):
                caller = self.begin("/events", **{"X-User": user, "Transfer-Encoding": "chunked"})
                caller.send(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")
                before = caller.answers
                caller.send(b"1\r\nx\r\n")
                self.clock.advance(0)

                self.assertEqual(before, [])
                self.assertEqual(caller.answer.status, status)

    def test_small(self) -> None:
        """
        A small body is read, and refused by its resource.
        """
        for user, status in (("eve", 401), ("ada", 413)):
            with self.subTest(user=user):
                caller = Caller(self.site)
                headers = {"X-User": user, "Content-Type": FORM}
                caller.ask("POST", "/events", headers, b"x" * 31)
                caller.ask("GET", "/nothing")

                self.assertEqual([one.status for one in caller.answers], [status, 404])

    def test_at_once(self) -> None:
        """
        A body that arrives with its end is refused once, and nothing is logged.
        """
        for size in (1, 31, 100, 100_001):
            with self.subTest(size=size):
                caller = Caller(self.site)
                caller.send(
                    b"POST /events HTTP/1.1\r\nHost: a\r\nX-User: ada\r\n"
                    b"Content-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"%x\r\n%b\r\n0\r\n\r\n" % (FORM.encode(), size, b"x" * size)
                )

                self.assertEqual(caller.answer.status, 413 if size > 30 else 400)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_http2(self) -> None:
        """
        Over HTTP/2 too.
        """
        caller = H2Caller(self.site, self.clock)
        for length in ([], [("content-length", "100")]):
            with self.subTest(length=length):
                headers = [("content-type", FORM), ("x-user", "ada"), *length]
                stream = caller.ask("POST", "/events", headers, b"x" * 100)

                self.assertEqual(caller.answer(stream).status, 413)

    def test_get(self) -> None:
        """
        The limit holds for bodies of other methods as well.
        """
        for method, target in (("GET", "/events?topic=a"), ("POST", "/events/subscribe")):
            with self.subTest(method=method):
                caller = Caller(self.site)
                headers = {"X-User": "ada", "Content-Type": FORM, "Content-Length": str(2 * MIB)}
                caller.ask(method, target, headers)

                self.assertEqual(caller.answer.status, 413)

    def test_uploads(self) -> None:
        """
        The application's own resources take larger bodies, unless the site has a limit.
        """
        for options, bodies in ((dict[str, Any](), [200_000]), ({"max_body": 1000}, [])):
            with self.subTest(options=options):
                self.uploads.bodies.clear()
                self.serve(**options)
                caller = Caller(self.site)
                caller.ask("POST", "/upload", {}, b"x" * 200_000)

                self.assertEqual(self.uploads.bodies, bodies)
                self.assertEqual(caller.answer.status, 200 if bodies else 413)
        self.assertIn("more than 1000 bytes", caller.answer.detail)

    def test_smaller(self) -> None:
        """
        The smaller of two limits applies.
        """
        self.serve(max_body=20)
        caller = Caller(self.site)
        caller.ask("POST", "/events", {"X-User": "ada", "Content-Type": FORM}, b"x" * 21)

        self.assertEqual(caller.answer.status, 413)
        self.assertIn("more than 30 bytes", caller.answer.detail)


class DescriptorTests(SynchronousTestCase):
    """
    A process that cannot open files any more.
    """

    def setUp(self) -> None:
        """
        Let no temporary file be made.
        """

        def fail(*arguments: object) -> None:
            raise OSError(24, "Too many open files")

        self.patch(tempfile, "TemporaryFile", fail)
        self.clock = Clock()
        self.root = Resource()
        hub = Hub(reactor=self.clock)
        self.root.putChild(b"events", EventsResource(hub.broker, authorize=authorize))
        self.uploads = Recorder()
        self.root.putChild(b"upload", self.uploads)
        self.site = StreamSite(self.root, reactor=self.clock)

    def test_publish(self) -> None:
        """
        A publication is kept in memory: it is bounded.
        """
        caller = Caller(self.site)
        body = b"topic=a&data=" + b"x" * 200_000
        caller.ask("POST", "/events", {"Content-Type": FORM, "X-User": "ada"}, body)
        self.clock.advance(0)

        self.assertEqual(caller.answer.status, 200)

    def test_upload(self) -> None:
        """
        A body without a limit is refused, and its resource does not get a part of it.
        """
        for headers in ({}, {"Transfer-Encoding": "chunked"}):
            with self.subTest(headers=headers):
                caller = Caller(self.site)
                if headers:
                    caller.ask("POST", "/upload", headers)
                    caller.send(b"30d40\r\n" + b"x" * 200_000 + b"\r\n")
                else:
                    caller.ask("POST", "/upload", headers, b"x" * 200_000)

                self.assertEqual(caller.answer.status, 503)
                self.assertEqual(caller.answer.header("Retry-After"), "5")
        self.assertEqual(self.uploads.bodies, [])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_small(self) -> None:
        """
        A small body needs no file.
        """
        caller = Caller(self.site)
        caller.ask("POST", "/upload", {}, b"x" * 1000)

        self.assertEqual(self.uploads.bodies, [1000])
