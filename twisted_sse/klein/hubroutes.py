"""
Adds the URL of a hub to an app, for subscribing and publishing.
"""

from __future__ import annotations

from collections.abc import Iterable

import klein
from twisted.web.resource import IResource

from twisted_sse.events.preamble import Priming
from twisted_sse.hub import Hub
from twisted_sse.klein.app import upgrade
from twisted_sse.web.cors import CORS
from twisted_sse.web.events import EventsResource
from twisted_sse.web.resource import Authorize

__all__ = ["hub_routes"]


def hub_routes(
    app: klein.Klein,
    hub: Hub,
    prefix: str = "/events",
    *,
    authorize: Authorize | None = None,
    cors: CORS | None = None,
    topics: Iterable[str] | None = None,
    priming: Priming = "event",
    max_topics: int = 100,
    max_body: int = 1024 * 1024,
    endpoint: str | None = None,
) -> None:
    """
    Serve *hub* at *prefix*: ``GET`` subscribes, ``POST`` publishes.

    Args:
        authorize: Returns the grant of a request.  By default everybody may read
            what is not private, and nobody may publish.

        cors: The origins whose web pages may read; by default none.

        topics: The selectors of every subscriber; ``None`` takes them from
            ``?topic=``.

        priming: How a stream sends its position before the first event.

        max_topics: The most selectors in one request.

        max_body: The largest body of a publishing request, in bytes.  It is
            checked after the site has read the body.

        endpoint: The name of the endpoint for ``app.url_for``; by default
            *prefix*.

    Raises:
        InvalidSelector: One of *topics* is not a selector.

        ValueError: *app* already has an endpoint of that name, or *prefix* does
            not begin with a slash.
    """
    name = prefix if endpoint is None else endpoint
    if name in app.endpoints:
        raise ValueError(f"The app already has an endpoint {name!r}: choose another")
    resource = EventsResource(
        hub.broker,
        authorize=authorize,
        cors=cors,
        topics=topics,
        priming=priming,
        max_topics=max_topics,
        max_body=max_body,
    )

    def answer(*args: object, **parameters: object) -> IResource:
        return resource

    app.route(prefix, endpoint=name)(answer)
    upgrade(app)
