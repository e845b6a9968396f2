"""
The site of a standalone hub: its tree of resources, and its limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import succeed
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_sse.broker.broker import Broker
from twisted_sse.server.config.config import Config
from twisted_sse.server.log.access import log_request
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.web.browsermodule import MODULES, BrowserModule
from twisted_sse.web.cors import CORS
from twisted_sse.web.events import EventsResource
from twisted_sse.web.health import Health, Ready
from twisted_sse.web.mercure import MercureResource
from twisted_sse.web.notfound import NotFound
from twisted_sse.web.presence import PresenceResource
from twisted_sse.web.problem import Problem, answer_problem
from twisted_sse.web.resource import Authorize
from twisted_sse.web.staticfiles import Page

__all__ = ["HubSite", "hub_tree", "site_limits"]


_STATIC = Path(__file__).parent / "static"

# RFC 9113, 6.5.2: the value of SETTINGS_MAX_CONCURRENT_STREAMS has 32 bits, and a stream
# identifier has 31.
_MOST_STREAMS = 2**31 - 1


class HubSite(StreamSite):
    """
    Serves *root*, and reads bodies of up to *max_body* bytes.

    Args:
        access_log: Whether requests are logged, except for streams.

    Attributes:
        resource: The root; see `replace`.

        access_log: May be changed, for the requests that follow.
    """

    # No resource of the tree reads a body, but for those with a limit of their own.
    refuses_large_bodies = False

    def __init__(
        self, root: IResource, max_body: int | None, *, access_log: bool = False, **options: Any
    ) -> None:
        super().__init__(root, parsePOSTFormSubmission=False, max_body=max_body, **options)
        self.access_log = access_log

    def replace(self, root: IResource) -> None:
        """
        Answer the requests that follow by *root*.
        """
        self.resource = root
        if self.repeats is not None:
            self.repeats.forget()

    def getResourceFor(self, request: Any) -> IResource:
        """
        See `twisted.web.server.Site.getResourceFor`.

        The last sockets are for publishers and health checks, so no stream gets one.
        """
        found: IResource = super().getResourceFor(request)
        if (
            self.sockets is not None
            and isinstance(found, EventsResource | MercureResource)
            and _needs_socket(request)
            and not self.sockets.has_room_for_stream()
        ):
            return _Crowded()
        return found

    def log(self, request: Any) -> None:
        """
        See `twisted.web.http.HTTPFactory.log`.  The hub logs its streams itself.
        """
        if self.access_log and not _is_stream(request):
            log_request(request)


def site_limits(config: Config) -> dict[str, Any]:
    """
    Return the limits of *config* as arguments of `StreamSite.set_limits`.
    """
    return {
        "max_streams": _MOST_STREAMS if config.max_streams is None else config.max_streams,
        "head_timeout": config.head_timeout,
        "body_timeout": config.body_timeout,
        "handshake_timeout": config.handshake_timeout,
        "max_body": config.max_body,
    }


def _is_stream(request: Any) -> bool:
    kind: bytes = request.responseHeaders.getRawHeaders(b"Content-Type", [b""])[0]
    return bool(request.code == 200 and kind.startswith(b"text/event-stream"))


class _Crowded(Resource):
    """
    Refuses a stream because all sockets but the last are open.
    """

    def render(self, request: Request) -> int:
        """
        See `twisted.web.resource.IResource.render`.
        """
        detail = "The hub has no socket left for another stream: try again later."
        answer_problem(request, Problem(503, detail, {"Retry-After": "5"}))
        return NOT_DONE_YET


def _needs_socket(request: Any) -> bool:
    """
    Whether *request* is for a stream that is the first of its connection.
    """
    if request.method != b"GET":
        return False
    connection = getattr(request.channel, "_conn", None)
    return connection is None or len(connection.streams) < 2


def hub_tree(
    broker: Broker,
    *,
    authorize: Authorize,
    cors: CORS,
    max_topics: int | None,
    max_body: int | None,
    max_publication_topics: int | None = None,
    demo: bool = False,
    publish_authorize: Authorize | None = None,
    publish_origins: Iterable[str] = (),
    mercure: Mapping[str, Any] | None = None,
) -> Resource:
    """
    Build the tree of resources that ``twistd sse`` serves.

    Args:
        publish_authorize, publish_origins: As for `EventsResource`.

        mercure: Further arguments of `MercureResource`.
    """
    everywhere: dict[str, Any] = {
        "authorize": authorize,
        "publish_authorize": publish_authorize,
        "publish_origins": publish_origins,
        "cors": cors,
        "max_topics": max_topics,
        "max_body": max_body,
        "max_publication_topics": max_publication_topics,
    }
    hub = MercureResource(broker, **everywhere, **(mercure or {}))
    root = Page(_STATIC, "demo.html" if demo else "index.html")
    root.putChild(b"events", EventsResource(broker, **everywhere))
    well_known = NotFound()
    well_known.putChild(b"mercure", hub)
    if hub.metadata is not None:
        well_known.putChild(b"oauth-protected-resource", _at_mercure(hub.metadata))
    root.putChild(b".well-known", well_known)
    if broker.presence is not None:
        presence = PresenceResource(broker.presence, broker.now, authorize=authorize, cors=cors)
        root.putChild(b"presence", presence)
    for name in MODULES:
        root.putChild(name.encode("ascii"), BrowserModule(name))
    root.putChild(b"healthz", Health(lambda: succeed(True)))
    root.putChild(b"startupz", Health(broker.readiness.check_started))
    root.putChild(b"readyz", Ready(broker.readiness.examine))
    return root


def _at_mercure(metadata: IResource) -> Resource:
    """
    Put *metadata* at the path of the hub below ``oauth-protected-resource``.
    """
    top, well_known = NotFound(), NotFound()
    well_known.putChild(b"mercure", metadata)
    top.putChild(b".well-known", well_known)
    return top
