"""
The site of a standalone hub: its tree of resources, and its limit on bodies.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import succeed
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request
from twisted.web.static import File

from twisted_sse.broker.broker import Broker
from twisted_sse.events.preamble import Priming
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.web.cors import CORS
from twisted_sse.web.events import EventsResource
from twisted_sse.web.health import Health
from twisted_sse.web.notfound import NotFound
from twisted_sse.web.resource import Authorize

__all__ = ["HubSite", "hub_tree"]

_STATIC = Path(__file__).parent / "static"

# The Content-Security-Policy of our pages: load everything from this server.
_POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


class _BoundedRequest(Request):
    """
    Discards a body that is too large.

    Attributes:
        too_large: Whether the body was discarded: answer 413.
    """

    too_large = False

    def gotLength(self, length: int | None) -> None:
        """
        See `twisted.web.http.Request.gotLength`.
        """
        self.too_large = length is not None and length > self._bound()
        super().gotLength(0 if self.too_large else length)

    def handleContentChunk(self, data: bytes) -> None:
        """
        See `twisted.web.http.Request.handleContentChunk`.
        """
        content: Any = self.content
        self.too_large = self.too_large or content.tell() + len(data) > self._bound()
        if not self.too_large:
            super().handleContentChunk(data)

    def _bound(self) -> int:
        channel: Any = self.channel
        bound: int = channel.site.max_body
        return bound


class HubSite(StreamSite):
    """
    Serves *root*, reads bodies of up to *max_body* bytes, and logs no requests.

    Streams last for hours and publications come by the thousand: one log line for
    each would be of no use.
    """

    requestFactory = _BoundedRequest

    # `EndpointService` limits the listening sockets, and on Linux the accepted ones
    # inherit that: two system calls less per connection (benchmarks, memory).
    sockets_limited = False

    def __init__(self, root: IResource, max_body: int, **options: Any) -> None:
        super().__init__(root, parsePOSTFormSubmission=False, **options)
        self.max_body = max_body

    def log(self, request: Any) -> None:
        """
        See `twisted.web.http.HTTPFactory.log`.
        """


class _Page(Resource):
    """
    One of our pages, with the files that it loads.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._page = _Static(str(_STATIC / name))
        self.putChild(b"static", _Static(str(_STATIC)))

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        See `twisted.web.resource.IResource.getChildWithDefault`.
        """
        return self._page if path == b"" else NotFound()


class _Static(File):
    """
    Static files, with the headers that protect our pages.
    """

    childNotFound: Any = NotFound()

    def getChild(self, path: bytes, request: Request) -> Any:
        """
        See `twisted.web.resource.IResource.getChildWithDefault`.
        """
        # The file system raises ValueError for a NUL.
        return self.childNotFound if b"\0" in path else super().getChild(path, request)

    def render_GET(self, request: Request) -> Any:
        """
        See `twisted.web.static.File.render_GET`.
        """
        request.setHeader("Content-Security-Policy", _POLICY)
        request.setHeader("X-Content-Type-Options", "nosniff")
        request.setHeader("Cache-Control", "no-cache")
        return super().render_GET(request)

    render_HEAD = render_GET

    def directoryListing(self) -> Resource:
        """
        See `twisted.web.static.File.directoryListing`.  Listings are not served.
        """
        return NotFound()


def hub_tree(
    broker: Broker,
    *,
    authorize: Authorize,
    cors: CORS,
    max_topics: int,
    max_body: int,
    demo: bool = False,
) -> Resource:
    """
    Build the tree of resources that ``twistd sse`` serves.
    """

    def events(priming: Priming) -> EventsResource:
        return EventsResource(
            broker,
            authorize=authorize,
            cors=cors,
            priming=priming,
            max_topics=max_topics,
            max_body=max_body,
        )

    root = _Page("demo.html" if demo else "index.html")
    root.putChild(b"events", events("event"))
    well_known = NotFound()
    # A Mercure client may not expect an event that was not published.
    well_known.putChild(b"mercure", events("block"))
    root.putChild(b".well-known", well_known)
    root.putChild(b"healthz", Health(lambda: succeed(True)))
    root.putChild(b"readyz", Health(broker.check))
    return root
