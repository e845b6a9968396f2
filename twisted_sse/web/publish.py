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
from twisted_sse.events.publication import Publication, Published, receipt_of
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
            return self._publish(_from_hub(body), grant).addCallback(_answer_positions, request)
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
            raise Problem(413, f"The body has more than {self._max_body} bytes: send less at once.")
        return body

    def _publish(
        self, publications: Sequence[Publication], grant: Grant
    ) -> Deferred[list[Published]]:
        _check(publications, grant)
        return self._broker.submit(publications)


def _from_hub(body: bytes) -> list[Publication]:
    try:
        return read_publications(body)
    except ValueError as error:
        raise Problem(400, f"This is not what one hub sends to another: {error}") from None


def _check(publications: Sequence[Publication], grant: Grant) -> None:
    if not publications:
        raise Problem(400, "The request has no publication: send at least one.")
    for publication in publications:
        if not grant.may_publish(publication.topics):
            _refuse(grant)


def _refuse(grant: Grant) -> None:
    if grant is ANONYMOUS:
        raise Unauthorized("Publishing needs a token: Authorization: Bearer TOKEN.")
    raise Forbidden("Your token does not allow publishing to all of these topics.")


def _answer_id(published: Sequence[Published], request: Request) -> None:
    _answer(request, b"text/plain; charset=utf-8", published[0][0].id)


def _answer_one(published: Sequence[Published], request: Request) -> None:
    _answer(request, b"application/json", _json(receipt_of(published[0])._asdict()))


def _answer_all(published: Sequence[Published], request: Request) -> None:
    receipts = [receipt_of(one)._asdict() for one in published]
    _answer(request, b"application/json", _json(receipts))


def _answer_positions(published: Sequence[Published], request: Request) -> None:
    positions = [{"id": record.id, "number": record.number} for record, _ in published]
    _answer(request, b"application/json", _json(positions))


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
