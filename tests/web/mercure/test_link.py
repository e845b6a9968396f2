"""
Discovery: the header ``Link`` of an application's responses.
"""

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.support.http import Served
from twisted_sse.web.mercure import discovery, hub_link
from twisted_sse.web.mercure.link import encoded_id, link

__all__ = ["DiscoveryTests", "LinkTests"]


class Book(Resource):
    """
    A resource whose changes are published.
    """

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        """
        Answer with two links.
        """
        hub_link(
            request,
            "https://hub.example/.well-known/mercure",
            topic="https://example.com/books/1",
            last_event_id="a-1",
            content_type="application/json",
            event_type="change",
        )
        return b"book"


class Decorated(Resource):
    """
    A resource whose method is decorated.
    """

    isLeaf = True

    @discovery(topic="/books/1")
    def render_GET(self, request: Request) -> bytes:
        """
        Answer.
        """
        return b"book"


def links(resource: Resource) -> list[str]:
    """
    The headers ``Link`` of a response.
    """
    served = Served()
    served.serve(resource)
    return [value for name, value in served.get("/").headers if name == "link"]


class LinkTests(SynchronousTestCase):
    """
    How a link is written.
    """

    def test_target(self) -> None:
        """
        Characters that a URL cannot have are percent-encoded.
        """
        self.assertEqual(link("/a b/é/>%20", rel="self"), b'</a%20b/%C3%A9/%3E%20>; rel="self"')

    def test_parameters(self) -> None:
        """
        Absent parameters are left out, and names have hyphens.
        """
        self.assertEqual(
            link("/", rel="mercure", last_event_id="a-1", type=None),
            b'</>; rel="mercure"; last-event-id="a-1"',
        )

    def test_event_id(self) -> None:
        """
        An event ID is percent-encoded where it could not stand between quotes.
        """
        self.assertEqual(encoded_id("urn:uuid:1-2#é"), "urn:uuid:1-2#%C3%A9")
        self.assertEqual(encoded_id('a "\\%'), "a%20%22%5C%25")

    def test_refused(self) -> None:
        """
        A value that would end the quoted string, or the header, is refused.
        """
        for value in ('a"b', "a\\b", "a\r\nb", "é"):
            with self.subTest(value=value):
                error = self.assertRaises(ValueError, link, "/", content_type=value)

                self.assertIn("content_type is", str(error))


class DiscoveryTests(SynchronousTestCase):
    """
    Responses of an application.
    """

    def test_links(self) -> None:
        """
        One link leads to the hub, and one to the canonical topic.
        """
        self.assertEqual(
            links(Book()),
            [
                '<https://hub.example/.well-known/mercure>; rel="mercure"; last-event-id="a-1";'
                ' content-type="application/json"; type="change"',
                '<https://example.com/books/1>; rel="self"',
            ],
        )

    def test_without_request(self) -> None:
        """
        A function that takes no request cannot be decorated.
        """
        self.assertRaises(TypeError, discovery()(lambda: "book"))

    def test_decorated(self) -> None:
        """
        A decorated method has the links, too.
        """
        self.assertEqual(
            links(Decorated()),
            ['</.well-known/mercure>; rel="mercure"', '</books/1>; rel="self"'],
        )
