"""
The resource that tells which subscriptions are active.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.web.server import Request

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.errors import Forbidden, Unauthorized
from twisted_sse.events.media import accepts
from twisted_sse.events.publication import EARLIEST
from twisted_sse.topics import Selection
from twisted_sse.web.auth import NOTHING
from twisted_sse.web.cors import CORS
from twisted_sse.web.mercure.active import ActiveSubscriptions
from twisted_sse.web.mercure.documents import (
    DOCUMENT_TYPES,
    MATCHER_TYPES,
    Subscription,
    collection,
    path_of,
)
from twisted_sse.web.mercure.link import encoded_id, link
from twisted_sse.web.mercure.location import HubLocation
from twisted_sse.web.mercure.protected import ProtectedResource
from twisted_sse.web.mercure.publication import EVENT_TYPE
from twisted_sse.web.mercure.versions import Version
from twisted_sse.web.problem import Problem
from twisted_sse.web.resource import Authorize, has_left

__all__ = ["SubscriptionsResource"]

# How many documents are made before others get their turn: about 3 ms.
_SLICE = 500

_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


class _Asked(NamedTuple):
    """
    What a path asks for.

    Attributes:
        version: The version of the protocol.

        variables: The decoded variables of the path.

        single: Whether it asks for one subscription.
    """

    version: Version
    variables: tuple[str, ...]
    single: bool

    def selects(self, one: Subscription) -> bool:
        """
        Whether *one* is among what is asked for.
        """
        own: tuple[str, ...] = (one.type, one.match, one.subscriber)
        if self.version == "mercure-0.x":
            own = own[1:]
        return own[: len(self.variables)] == self.variables


class SubscriptionsResource(ProtectedResource):
    """
    ``…/subscriptions`` and everything below it: all active subscriptions, those of a
    matcher, or one.

    In version 1.0 the variables below it are the type of a matcher, its text, and the
    subscriber; in 0.x the selector, and the subscriber.  If the hub speaks both, a first
    variable that is a type is of 1.0, and ``Accept`` chooses the document of all.

    Args:
        authorize: Its grant must cover the path of the request, like a private topic.
    """

    isLeaf = True

    def __init__(
        self,
        broker: Broker,
        active: ActiveSubscriptions,
        authorize: Authorize,
        cors: CORS,
        location: HubLocation,
        versions: frozenset[Version],
        *,
        describes_itself: bool,
    ) -> None:
        handlers = {"GET": self._get, "HEAD": self._get}
        super().__init__(handlers, authorize, cors, location, describes_itself=describes_itself)
        self._broker = broker
        self._active = active
        self._versions = versions
        self._path = location.path

    def _get(self, request: Request, grant: Grant) -> Deferred[None]:
        grant.check_time(self._broker.now())
        _check_grant(request, grant)
        asked = self._asked(request, _variables(request))
        return Deferred.fromCoroutine(self._answer(request, grant, asked))

    def _asked(self, request: Request, variables: tuple[str, ...]) -> _Asked:
        old, new = "mercure-0.x" in self._versions, "mercure-1.0" in self._versions
        if not variables:
            accept = b", ".join(request.requestHeaders.getRawHeaders(b"Accept", []))
            # Installed clients speak 0.x, and ask for nothing special.
            prefers_old = accepts(accept.decode("latin-1"), DOCUMENT_TYPES["mercure-0.x"])
            is_old = old and (prefers_old or not new)
            return _Asked("mercure-0.x" if is_old else "mercure-1.0", (), False)
        if new and variables[0] in MATCHER_TYPES and 1 < len(variables) < 4:
            return _Asked("mercure-1.0", variables, len(variables) == 3)
        if old and len(variables) < 3:
            return _Asked("mercure-0.x", variables, len(variables) == 2)
        if new and 1 < len(variables) < 4:
            raise Problem(400, f"The type of a matcher is one of {', '.join(MATCHER_TYPES)}.")
        raise Problem(404, "There are no subscriptions at this URL; check its path.")

    async def _answer(self, request: Request, grant: Grant, asked: _Asked) -> None:
        await self._broker.start()
        if has_left(request):
            return
        newest = self._broker.newest_id(grant.interest(_ALL))
        headers = request.responseHeaders
        headers.addRawHeader(b"Vary", b"Accept")
        self._describe(request, asked, newest)
        etag = None if newest is None else f'"{encoded_id(newest)}"'.encode("ascii")
        if etag is not None and request.setETag(etag):
            request.setResponseCode(304)
            request.finish()
            return
        found = [one for one in self._active if asked.selects(one)]
        if asked.single and not found:
            raise Problem(404, "This subscription is not active, or never was.")
        members = await self._documents(found, asked.version)
        document: Any = members[0] if asked.single else None
        if document is None:
            path = path_of(self._path, *asked.variables)
            document = collection(asked.version, path, newest or EARLIEST, members)
        _send(request, DOCUMENT_TYPES[asked.version], document)

    def _describe(self, request: Request, asked: _Asked, newest: str | None) -> None:
        kind = DOCUMENT_TYPES[asked.version]
        value = link(
            self._path,
            rel="mercure",
            last_event_id=encoded_id(newest or EARLIEST),
            type=EVENT_TYPE if asked.version == "mercure-1.0" else None,
            content_type=kind,
        )
        request.responseHeaders.setRawHeaders(b"Link", [value])
        request.responseHeaders.setRawHeaders(b"Cache-Control", [b"must-revalidate"])

    async def _documents(
        self, found: Sequence[Subscription], version: Version
    ) -> list[dict[str, Any]]:
        documents = []
        for count, one in enumerate(found, 1):
            documents.append(one.document(self._path, version, active=True))
            if count % _SLICE == 0:
                await deferLater(self._broker.clock, 0)
        return documents


_ALL = Selection.of(["*"])


def _variables(request: Request) -> tuple[str, ...]:
    """
    The decoded segments of the path below the collection.
    """
    # postpath is decoded already, and a bad escape in it looks like text.
    count = len(request.postpath or ())
    segments = request.path.decode("latin-1").split("/")[-count:] if count else []
    if segments == [""]:
        segments = []
    try:
        if any(_BAD_ESCAPE.search(one) for one in segments):
            raise ValueError
        return tuple(unquote(one, errors="strict") for one in segments)
    except ValueError:
        raise Problem(
            400, "The path is not percent-encoded UTF-8: encode each part with encodeURIComponent."
        ) from None


def _check_grant(request: Request, grant: Grant) -> None:
    path = request.path.decode("latin-1")
    if grant.subscribe is not None and grant.subscribe.matches((path,)):
        return
    if grant is ANONYMOUS or grant is NOTHING:
        raise Unauthorized("Send a token: Authorization: Bearer TOKEN.")
    raise Forbidden(
        "Your token does not allow reading this: it must grant the path of this URL as a topic."
    )


def _send(request: Request, content_type: str, document: Any) -> None:
    if has_left(request):
        return
    body = json.dumps(document, ensure_ascii=False).encode("utf-8")
    headers = request.responseHeaders
    headers.setRawHeaders(b"Content-Type", [content_type.encode("ascii")])
    headers.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
    request.write(body)
    request.finish()
