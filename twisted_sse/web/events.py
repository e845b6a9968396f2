"""
The resource that subscribers read and publishers write.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted_sse.broker.broker import Broker
from twisted_sse.events.preamble import Priming
from twisted_sse.web.cors import CORS
from twisted_sse.web.publish import Publishing
from twisted_sse.web.resource import Authorize, MethodResource, everybody
from twisted_sse.web.stream import Subscriptions

__all__ = ["EventsResource"]


class EventsResource(MethodResource):
    """
    A hub at one URL: ``GET`` subscribes, ``POST`` publishes.

    Without *authorize* nobody may publish.

    Args:
        max_body: The most bytes in the body of a publisher's request.  The site
            has read the whole body by then.

    The other arguments are those of `EventStreamResource`.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        authorize: Authorize | None = None,
        cors: CORS | None = None,
        topics: Iterable[str] | None = None,
        priming: Priming = "event",
        max_topics: int = 100,
        max_body: int = 1024 * 1024,
    ) -> None:
        streams = Subscriptions(
            broker, topics=topics, priming=priming, max_topics=max_topics, authorize=authorize
        )
        publishing = Publishing(broker, max_body=max_body)
        handlers = {"GET": streams.get, "HEAD": streams.head, "POST": publishing.post}
        grant = everybody if authorize is None else streams.grant
        super().__init__(handlers, grant, CORS() if cors is None else cors)
