"""
Adds the URL of a hub to an app, for subscribing and publishing.
"""

from __future__ import annotations

from collections.abc import Iterable

import klein
from twisted.web.resource import IResource

from twisted_sse.events.preamble import Priming
from twisted_sse.hub import Hub
from twisted_sse.klein.app import set_body_bound, upgrade
from twisted_sse.web.content import MAX_BODY
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
    max_topics: int | None = 100,
    max_body: int | None = MAX_BODY,
    publish_origins: Iterable[str] = (),
    endpoint: str | None = None,
) -> None:
    """
    Serve *hub* at *prefix*: ``GET`` and ``QUERY`` subscribe, ``POST`` publishes.
    ``POST`` to ``subscribe`` below it subscribes too, and ``PATCH`` to the name of a
    connection changes the topics of its stream.

    Args:
        authorize: Returns the grant of a request.  By default everybody may read
            what is not private, and nobody may publish.

        cors: The origins whose web pages may read; by default none.

        topics: The selectors of every subscriber; ``None`` takes them from
            ``?topic=``.

        priming: How a stream sends its position before the first event.

        max_topics: The most selectors in one request; ``None`` for no limit.

        max_body: The largest body of a request, in bytes.  `twisted_sse.klein.Klein`
            serves the app so that no more is read, with ``run`` or inside a
            `StreamSite`; another site reads the whole body before it is refused.

        publish_origins: The origins whose pages may publish with their visitor's
            cookie or password, in addition to that of the app and to those that
            *cors* lists.

        endpoint: The name of the endpoint for ``app.url_for``; by default
            *prefix*.

    Raises:
        InvalidSelector: One of *topics* is not a selector.

        ValueError: *app* already has an endpoint of that name, or *prefix* does
            not begin with a slash.
    """
    name = prefix if endpoint is None else endpoint
    form_name, topics_name = f"{name}/subscribe", f"{name}/connection"
    for one in (name, form_name, topics_name):
        if one in app.endpoints:
            raise ValueError(f"The app already has an endpoint {one!r}: choose another")
    resource = EventsResource(
        hub.broker,
        authorize=authorize,
        cors=cors,
        topics=topics,
        priming=priming,
        max_topics=max_topics,
        max_body=max_body,
        publish_origins=publish_origins,
    )

    def answer(*args: object, **parameters: object) -> IResource:
        return resource

    def answer_form(*args: object, **parameters: object) -> IResource:
        return resource.by_form

    def answer_topics(*args: object, connection: str, **parameters: object) -> IResource:
        return resource.connection(connection)

    below = prefix.rstrip("/")
    for function in (answer, answer_form, answer_topics):
        set_body_bound(function, max_body)
    app.route(prefix, endpoint=name)(answer)
    app.route(f"{below}/subscribe", endpoint=form_name)(answer_form)
    # The length of a connection's name.
    app.route(f"{below}/<string(length=22):connection>", endpoint=topics_name)(answer_topics)
    upgrade(app)
