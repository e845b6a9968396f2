"""
The handler that publishers post to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from twisted.web.server import Request

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.broker.receipts import Find, KeyReused, PublishOutcome
from twisted_sse.errors import Forbidden, TooManyTopics, Unauthorized
from twisted_sse.events.media import EVENT_STREAM, media_type
from twisted_sse.events.publication import Publication, Published, Receipt
from twisted_sse.events.replication import read_publications
from twisted_sse.events.trace import TRACEPARENT, is_traceparent, with_trace
from twisted_sse.web.auth import NOTHING
from twisted_sse.web.bodies import MEDIA_TYPES, from_form, from_json, from_ndjson
from twisted_sse.web.content import MAX_BODY, read_body
from twisted_sse.web.csrf import OriginCheck
from twisted_sse.web.locate import finder
from twisted_sse.web.problem import Problem
from twisted_sse.web.repeat import publisher_of, repeat_key
from twisted_sse.web.resource import has_left

__all__ = ["BodyReader", "Publishing", "SubmitAll", "Writer", "answer_id"]

#: Writes an answer, from what became of the publications.
Writer = Callable[[Sequence[PublishOutcome], Request], None]

#: Submits publications as `Broker.submit` does.
SubmitAll = Callable[[Sequence[Publication]], "Deferred[list[Published]]"]

#: Parses a body, and returns its publications and what writes the answer.
BodyReader = Callable[[bytes], tuple[Sequence[Publication], Writer]]


class Publishing:
    """
    Answers requests to publish.

    Args:
        origins: Checks which page a request comes from.

        max_body: The most bytes of a request's body; ``None`` for no limit.

        max_topics: The most topics of one event; ``None`` for as many as
            `twisted_sse.topics.MAX_TOPICS`.

        readers: What parses a body, by its media type; by default all that this
            package knows.

        submit: Called in place of `Broker.submit`.
    """

    def __init__(
        self,
        broker: Broker,
        origins: OriginCheck,
        *,
        max_body: int | None = MAX_BODY,
        max_topics: int | None = None,
        readers: Mapping[str, BodyReader] | None = None,
        submit: SubmitAll | None = None,
    ) -> None:
        self._readers = _READERS if readers is None else readers
        self._broker = broker
        self._submit_all = broker.submit if submit is None else submit
        self._origins = origins
        self._max_body = max_body
        self._max_topics = max_topics

    def post(self, request: Request, grant: Grant) -> Deferred[None]:
        """
        Answer ``POST``: with the ID of what was published, or with receipts.
        """
        grant.check_time(self._broker.now())
        if grant.publish is None:
            _refuse(grant)
        self._origins.check(request)
        kind = media_type((request.getHeader(b"Content-Type") or b"").decode("latin-1"))
        if kind not in self._readers:
            # Another hub knows what it sends.
            known = [one for one in self._readers if one != EVENT_STREAM]
            raise Problem(415, f"Send {_or(known)} as Content-Type.", {"Accept": ", ".join(known)})
        body = read_body(request, self._max_body)
        publications, answer = self._readers[kind](body)
        self._check(publications, grant)
        publications = _traced(publications, request)
        # Another hub needs the positions, which history does not tell here.
        find = None if kind == EVENT_STREAM else finder(self._broker, publications)
        submitted = self._submit(request, grant, body, publications, find)
        return submitted.addCallback(answer, request)

    def _submit(
        self,
        request: Request,
        grant: Grant,
        body: bytes,
        publications: Sequence[Publication],
        find: Find | None,
    ) -> Deferred[Any]:
        repeat = repeat_key(request, grant, body, publications)
        submit = partial(self._submit_new, publisher_of(request, grant), publications)
        if repeat is None:
            return submit()
        if self._broker.has_siblings:
            # Another process says whether it is a repeat, and may submit it itself.
            self._take_rate(publisher_of(request, grant), publications)
            submit = partial(self._broker.submit, publications)
        submitted = maybeDeferred(self._broker.submit_once, repeat, publications, submit, find)
        return submitted.addErrback(_refuse_reuse)

    def _submit_new(
        self, publisher: bytes, publications: Sequence[Publication]
    ) -> Deferred[list[Published]]:
        """
        Submit what is no repeat: only this counts for the publisher's rate.

        Raises:
            TooManyPublications: The publisher has to wait.
        """
        self._take_rate(publisher, publications)
        return self._submit_all(publications)

    def _take_rate(self, publisher: bytes, publications: Sequence[Publication]) -> None:
        rate = self._broker.publish_rate
        if rate is not None:
            rate.take(sha256(publisher).digest(), len(publications))

    def _check(self, publications: Sequence[Publication], grant: Grant) -> None:
        if not publications:
            raise Problem(400, "The request has no publication: send at least one.")
        most = self._max_topics
        for publication in publications:
            if most is not None and len(publication.topics) > most:
                raise TooManyTopics(f"Too many topics are given: give at most {most}.")
            if not grant.may_publish(publication.topics):
                _refuse(grant)


def _read_form(body: bytes) -> tuple[Sequence[Publication], Writer]:
    return [from_form(body)], answer_id


def _read_json(body: bytes) -> tuple[Sequence[Publication], Writer]:
    given = from_json(body)
    if isinstance(given, Publication):
        return [given], _answer_one
    return given, _answer_all


def _read_ndjson(body: bytes) -> tuple[Sequence[Publication], Writer]:
    return from_ndjson(body), _answer_all


def _read_from_hub(body: bytes) -> tuple[Sequence[Publication], Writer]:
    try:
        return read_publications(body), _answer_positions
    except ValueError as error:
        raise Problem(400, f"This is not what one hub sends to another: {error}") from None


# By content type.
_READERS: Mapping[str, BodyReader] = {
    MEDIA_TYPES[0]: _read_form,
    MEDIA_TYPES[1]: _read_json,
    MEDIA_TYPES[2]: _read_ndjson,
    EVENT_STREAM: _read_from_hub,
}


def _refuse_reuse(failure: Failure) -> None:
    failure.trap(KeyReused)
    raise Problem(
        422,
        "This Idempotency-Key was used for another body: choose a new key for each publication.",
    ) from None


def _refuse(grant: Grant) -> None:
    if grant is ANONYMOUS or grant is NOTHING:
        raise Unauthorized("Publishing needs a token: Authorization: Bearer TOKEN.")
    raise Forbidden("Your token does not allow publishing to all of these topics.")


def _or(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def answer_id(outcomes: Sequence[PublishOutcome], request: Request) -> None:
    """
    Answer *request*, which published once, with the ID.
    """
    _answer(request, b"text/plain; charset=utf-8", outcomes[0][0].id)


def _answer_one(outcomes: Sequence[PublishOutcome], request: Request) -> None:
    _answer(request, b"application/json", _json(_receipt(outcomes[0])))


def _answer_all(outcomes: Sequence[PublishOutcome], request: Request) -> None:
    _answer(request, b"application/json", _json([_receipt(one) for one in outcomes]))


def _answer_positions(outcomes: Sequence[PublishOutcome], request: Request) -> None:
    positions = [{"id": kept.id, "number": kept.number} for kept, _ in outcomes]
    _answer(request, b"application/json", _json(positions))


def _receipt(outcome: PublishOutcome) -> dict[str, object]:
    kept, subscribers = outcome
    return Receipt(kept.id, subscribers)._asdict()


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


def _traced(publications: Sequence[Publication], request: Request) -> Sequence[Publication]:
    """
    Add the trace of *request* to its publications.

    Trace Context, 4.3: "If parsing fails, the vendor creates a new traceparent header".
    This hub takes part in no trace, so it leaves out what it cannot parse.
    """
    header = (request.getHeader(TRACEPARENT.encode("ascii")) or b"").decode("latin-1").strip()
    if not is_traceparent(header):
        return publications
    return [
        one if one.event.data is None else replace(one, event=with_trace(one.event, header))
        for one in publications
    ]
