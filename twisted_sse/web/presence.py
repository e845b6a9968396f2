"""
Who is on a topic, over HTTP: the resource, and what a stream may ask for.

Names are for grants that cover the topic by ``subscribe``, as its private events are;
counts are for everybody who may read what is public there.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from twisted.web.server import Request

from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.broker.presence.presence import HubPresence, PresenceWish
from twisted_sse.errors import Forbidden, Unauthorized
from twisted_sse.events.presence import MAX_NAMED, presence_data
from twisted_sse.topics import Selection
from twisted_sse.web.auth import NOTHING
from twisted_sse.web.cors import CORS
from twisted_sse.web.problem import Problem
from twisted_sse.web.query import Query, query_of
from twisted_sse.web.resource import Authorize, MethodResource, everybody

__all__ = ["PresenceResource", "presence_wish"]


class PresenceResource(MethodResource):
    """
    Answers ``GET ?topic=NAME`` with who is on the topic, as JSON.

    Args:
        now: Returns the date, in seconds since 1970: grants expire by it.

        authorize: Returns the grant of a request.  By default everybody may know how
            many are there, and nobody who.

        cors: Which web pages of other origins may ask.  By default none.
    """

    isLeaf = True

    def __init__(
        self,
        presence: HubPresence,
        now: Callable[[], float],
        *,
        authorize: Authorize | None = None,
        cors: CORS | None = None,
    ) -> None:
        self._presence = presence
        self._now = now
        super().__init__(
            {"GET": self._answer, "HEAD": self._answer},
            everybody if authorize is None else authorize,
            CORS() if cors is None else cors,
        )

    def _answer(self, request: Request, grant: Grant) -> None:
        grant.check_time(self._now())
        topic = _one_topic(query_of(request))
        presence = self._presence
        names = grant.subscribe is not None and grant.subscribe.matches((topic,))
        if not names and not grant.public:
            if grant is ANONYMOUS or grant is NOTHING:
                raise Unauthorized("Send a token: Authorization: Bearer TOKEN.")
            raise Forbidden("Your token does not allow reading this topic.")
        members = presence.of(topic, MAX_NAMED) if names else None
        described = presence_data(topic, presence.count(topic), presence.anonymous(topic), members)
        body = json.dumps(described, ensure_ascii=False).encode("utf-8")
        headers = request.responseHeaders
        headers.setRawHeaders(b"Content-Type", [b"application/json"])
        headers.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
        headers.setRawHeaders(b"Cache-Control", [b"no-store"])
        if request.method != b"HEAD":
            request.write(body)
        request.finish()


def presence_wish(query: Query, selection: Selection, presence: HubPresence | None) -> PresenceWish:
    """
    What a stream asks for by ``?presence=``.

    Raises:
        Problem: It asks for something that does not exist, or that this hub does not have.
    """
    asked = query.presence
    if asked is None:
        return None
    if asked not in ("events", "watch"):
        raise Problem(400, "Write presence=events, or presence=watch to be told and not count.")
    if presence is None:
        raise Problem(400, "This hub keeps no presence: leave out the parameter presence.")
    if not selection.exact:
        raise Problem(400, "Presence is of topics with a name: add ?topic=NAME for each.")
    return "events" if asked == "events" else "watch"


def _one_topic(query: Query) -> str:
    if len(query.topics) != 1:
        raise Problem(400, "Name one topic to be told who is there: ?topic=NAME.")
    selection = query.selection(1)
    if not selection.exact:
        raise Problem(400, "Name a single topic: presence is not told of * or of patterns.")
    return next(iter(selection.exact))
