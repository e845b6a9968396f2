"""
The resources that publishers write, and subscribers may read.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted_sse.broker.broker import Broker
from twisted_sse.events.preamble import Priming
from twisted_sse.web.content import MAX_BODY
from twisted_sse.web.cors import CORS
from twisted_sse.web.csrf import OriginCheck
from twisted_sse.web.publish import Publishing, SubmitAll
from twisted_sse.web.resource import Authorize, MethodResource, everybody
from twisted_sse.web.stream import StreamsResource, Subscriptions

__all__ = ["EventsResource", "PublishResource"]


class EventsResource(StreamsResource):
    """
    A hub at one URL: ``GET`` and ``QUERY`` subscribe, ``POST`` publishes.  ``POST``
    to its child ``subscribe`` subscribes too.

    Without *authorize* nobody may publish.

    Args:
        publish_authorize: Returns the grant of a request that publishes, if another
            key is for publishers; *authorize* by default.

        max_body: The most bytes in the body of a request; ``None`` for no limit.

        max_publication_topics: The most topics of one event; ``None`` for as many as
            `twisted_sse.topics.MAX_TOPICS`.

        publish_origins: The origins whose pages may publish with their visitor's
            cookie or password, in addition to that of this server and to those
            that *cors* lists.

        submit: Called in place of `Broker.submit`.

    Attributes:
        by_form: The child ``subscribe``.

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
        max_topics: int | None = 100,
        max_body: int | None = MAX_BODY,
        max_publication_topics: int | None = None,
        publish_origins: Iterable[str] = (),
        publish_authorize: Authorize | None = None,
        submit: SubmitAll | None = None,
    ) -> None:
        cors = CORS() if cors is None else cors
        streams = Subscriptions(
            broker, topics=topics, priming=priming, max_topics=max_topics, authorize=authorize
        )
        origins = OriginCheck(cors, publish_origins)
        publishing = Publishing(
            broker,
            origins,
            max_body=max_body,
            max_topics=max_publication_topics,
            submit=submit,
        )
        handlers = {
            "GET": streams.get,
            "HEAD": streams.head,
            "POST": publishing.post,
            "QUERY": streams.query,
        }
        grant = everybody if authorize is None else streams.grant
        super().__init__(
            *(handlers, grant, cors),
            publishing=["POST"],
            max_body=max_body,
            publish_authorize=publish_authorize,
            origins=origins,
            refusals=broker.refusals,
        )
        self.streams = streams
        self.by_form = self.sibling({"POST": streams.query})
        self.putChild(b"subscribe", self.by_form)


class PublishResource(MethodResource):
    """
    Takes publications, and serves no streams.

    Args:
        authorize: Returns the grant of a request.

        cors: The origins whose pages may publish; by default none.

        max_body, publish_origins: As for `EventsResource`.
    """

    isLeaf = True

    def __init__(
        self,
        broker: Broker,
        authorize: Authorize,
        *,
        cors: CORS | None = None,
        max_body: int | None = MAX_BODY,
        publish_origins: Iterable[str] = (),
    ) -> None:
        cors = CORS() if cors is None else cors
        origins = OriginCheck(cors, publish_origins)
        publishing = Publishing(broker, origins, max_body=max_body)
        handlers = {"POST": publishing.post}
        super().__init__(
            *(handlers, authorize, cors),
            publishing=["POST"],
            max_body=max_body,
            origins=origins,
            refusals=broker.refusals,
        )
