"""
A hub in an app: one URL to subscribe, and to publish for those who may.
"""

from __future__ import annotations

from collections.abc import Iterable

import klein
from twisted.web.resource import IResource

from twisted_sse.events.preamble import Priming
from twisted_sse.hub import Hub
from twisted_sse.klein.app import watch
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
    Let clients of *app* subscribe to *hub* at *prefix*, and publish if they may.

    Args:
        authorize: Says what a request is allowed.  By default everybody may
            read what is not private, and nobody may publish.

        cors: Which web pages of other origins may read.  By default none.

        topics: What every subscriber gets; ``None`` lets each choose by
            ``?topic=``.

        priming: How a stream tells its position before the first event.

        max_topics: The most selectors in one request.

        max_body: The most bytes of a publisher's request; the site has read
            them all by then.

        endpoint: The name that ``app.url_for`` knows it by; *prefix* by default.

    Raises:
        InvalidSelector: One of *topics* is not a selector.

        ValueError: *app* has an endpoint of that name, or *prefix* does not
            begin with a slash.
    """
    name = prefix if endpoint is None else endpoint
    if name in app.endpoints:
        raise ValueError(f"The app has an endpoint {name!r}: choose another prefix or endpoint")
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
    watch(app)
