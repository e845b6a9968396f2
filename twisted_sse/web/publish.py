"""
The handler that publishers post to.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.errors import Forbidden, Unauthorized
from twisted_sse.events.media import media_type
from twisted_sse.events.publication import Publication, Receipt, Record
from twisted_sse.events.replication import read_publications
from twisted_sse.web.bodies import MEDIA_TYPES, from_form, from_json, from_ndjson
from twisted_sse.web.problem import Problem
from twisted_sse.web.resource import has_left

__all__ = ["Publishing"]


class Publishing:
    """
    Answers requests to publish.

    Args:
        max_body: The most bytes of a request's body.
    """

    def __init__(self, broker: Broker, *, max_body: int = 1024 * 1024) -> None:
        self._broker = broker
        self._max_body = max_body

    def post(self, request: Request, grant: Grant) -> Deferred[None]:
        """
        Answer ``POST``: with the ID of what was published, or with receipts.
        """
        grant.check_time(self._broker.clock.seconds())
        if grant.publish is None:
            _refuse(grant)
        kind = media_type(request.getHeader("Content-Type"))
        body = self._body(request)
        if kind == MEDIA_TYPES[0]:
            publication = from_form(body)
            return self._publish([publication], grant).addCallback(_answer_id, request)
        if kind == MEDIA_TYPES[1]:
            given = from_json(body)
            if isinstance(given, Publication):
                return self._publish([given], grant).addCallback(_answer_one, request)
        elif kind == MEDIA_TYPES[2]:
            given = from_ndjson(body)
        elif kind == "text/event-stream":
            return self._submit_for_others(body, grant).addCallback(_answer_places, request)
        else:
            raise Problem(
                415,
                f"Send {', '.join(MEDIA_TYPES[:2])} or {MEDIA_TYPES[2]} as Content-Type.",
                {"Accept": ", ".join(MEDIA_TYPES)},
            )
        return self._publish(given, grant).addCallback(_answer_all, request)

    def _body(self, request: Request) -> bytes:
        content: Any = request.content
        body: bytes = content.read(self._max_body + 1)
        if len(body) > self._max_body or getattr(request, "too_large", False):
            raise Problem(413, f"At most {self._max_body} bytes are taken; send less at once.")
        return body

    def _publish(
        self, publications: Sequence[Publication], grant: Grant
    ) -> Deferred[list[Receipt]]:
        _check(publications, grant)
        return self._broker.submit(publications)

    def _submit_for_others(self, body: bytes, grant: Grant) -> Deferred[Sequence[Record]]:
        try:
            publications = read_publications(body)
        except ValueError as error:
            raise Problem(400, f"This is not what a hub sends to another: {error}") from None
        _check(publications, grant)
        return self._broker.submit_for_others(publications)


def _check(publications: Sequence[Publication], grant: Grant) -> None:
    if not publications:
        raise Problem(400, "There is nothing to publish.")
    for publication in publications:
        if not grant.may_publish(publication.topics):
            _refuse(grant)


def _refuse(grant: Grant) -> None:
    if grant is ANONYMOUS:
        raise Unauthorized("Publishing needs a token: Authorization: Bearer TOKEN.")
    raise Forbidden("Your token does not let you publish to all of these topics.")


def _answer_id(receipts: Sequence[Receipt], request: Request) -> None:
    _answer(request, b"text/plain; charset=utf-8", receipts[0].id)


def _answer_one(receipts: Sequence[Receipt], request: Request) -> None:
    _answer(request, b"application/json", _json(receipts[0]._asdict()))


def _answer_all(receipts: Sequence[Receipt], request: Request) -> None:
    _answer(request, b"application/json", _json([receipt._asdict() for receipt in receipts]))


def _answer_places(kept: Sequence[Record], request: Request) -> None:
    places = [{"id": one.id, "number": one.number} for one in kept]
    _answer(request, b"application/json", _json(places))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _answer(request: Request, content_type: bytes, text: str) -> None:
    if has_left(request):
        return
    body = text.encode("utf-8")
    headers = request.responseHeaders
    headers.setRawHeaders(b"Content-Type", [content_type])
    headers.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
    headers.setRawHeaders(b"Cache-Control", [b"no-store"])
    request.write(body)
    request.finish()
