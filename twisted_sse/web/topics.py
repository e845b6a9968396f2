"""
Changing the topics of an open stream: ``PATCH`` to its connection.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.broker.topicchanges import ChangeRefused, TopicRequest
from twisted_sse.errors import Unauthorized
from twisted_sse.events.media import media_type
from twisted_sse.topics import MAX_REQUEST_SIZE, Matcher
from twisted_sse.web.auth import NOTHING
from twisted_sse.web.bodies import ANSWERS
from twisted_sse.web.content import read_body
from twisted_sse.web.problem import Problem
from twisted_sse.web.query import MATCH_TYPES, pairs_of
from twisted_sse.web.resource import has_left

__all__ = ["Topics", "is_connection_name"]

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"

# The largest body, in bytes: all selectors that a stream may have, added and removed, with
# each byte percent-encoded, and what belongs to the format.
_LARGEST = 2 * 3 * MAX_REQUEST_SIZE + 64 * 1024

_KEYS = ("add", "remove", "last_event_id", "repeat")

# What `ConnectionNames` makes.
_NAME = re.compile("[A-Za-z0-9_-]{22}").fullmatch


def is_connection_name(segment: str) -> bool:
    """
    Whether *segment* of a path may be the name of a connection.
    """
    return _NAME(segment) is not None


class Topics:
    """
    Answers requests to change the topics of one stream.

    Args:
        name: The name of its connection.

        max_topics: The most topics of a stream; ``None`` for no limit.
    """

    def __init__(self, broker: Broker, name: str, max_topics: int | None) -> None:
        self._broker = broker
        self._name = name
        self._max_topics = max_topics

    def patch(self, request: Request, grant: Grant) -> Deferred[None]:
        """
        Answer ``PATCH`` and ``POST``: with the topics that the stream has now.
        """
        if grant is NOTHING:
            raise Unauthorized("Send the token that the stream was opened with.")
        grant.check_time(self._broker.now())
        asked = _read(request, self._max_topics)
        return Deferred.fromCoroutine(self._change(request, grant, asked))

    async def _change(self, request: Request, grant: Grant, asked: TopicRequest) -> None:
        try:
            topics = await self._broker.change_topics(self._name, grant.user, asked)
        except ChangeRefused as refused:
            raise _problem(refused) from None
        if topics is None:
            detail = (
                "No stream of this name is open here: it has ended, or another server has it,"
                " which must then get this request."
            )
            raise Problem(404, detail)
        _answer(request, {"topics": topics})


def _problem(refused: ChangeRefused) -> Problem:
    if refused.refusal == "invalid":
        return Problem(400, refused.detail)
    if refused.refusal == "forbidden":
        return Problem(403, refused.detail)
    if refused.refusal == "unknown":
        return Problem(410, refused.detail)
    return Problem(409, refused.detail, {"Retry-After": "1"})


def _read(request: Request, max_topics: int | None) -> TopicRequest:
    kind = media_type((request.getHeader(b"Content-Type") or b"").decode("latin-1"))
    readers: dict[str, Callable[[bytes], TopicRequest]] = {_JSON: _from_json, _FORM: _from_form}
    reader = readers.get(kind)
    if reader is None:
        accepted = f"{_JSON}, {_FORM}"
        detail = f'Send {_JSON}, such as {{"add": ["news"], "remove": ["sport"]}}.'
        raise Problem(415, detail, {"Accept": accepted, "Accept-Patch": accepted})
    return reader(read_body(request, _LARGEST))._replace(max_topics=max_topics)


def _from_json(body: bytes) -> TopicRequest:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON.") from None
    if not isinstance(value, dict):
        raise Problem(400, 'Send an object such as {"add": ["news"], "remove": ["sport"]}.')
    unknown = sorted(value.keys() - set(_KEYS))
    if unknown:
        known = ", ".join(_KEYS)
        raise Problem(400, f"Unknown key {unknown[0][:20]!r}; the known keys are {known}.")
    last_event_id = value.get("last_event_id")
    if not (last_event_id is None or isinstance(last_event_id, str)):
        raise Problem(400, "'last_event_id' must be a string.")
    repeat = value.get("repeat", False)
    if not isinstance(repeat, bool):
        raise Problem(400, "'repeat' must be true or false.")
    return TopicRequest(
        _selectors(value, "add"), _selectors(value, "remove"), last_event_id or None, None, repeat
    )


def _selectors(value: dict[str, Any], key: str) -> tuple[str | Matcher, ...]:
    given = value.get(key, [])
    if not isinstance(given, list):
        raise Problem(400, f"{key!r} must be an array of topics.")
    return tuple(_selector(one, key) for one in given)


def _selector(value: Any, key: str) -> str | Matcher:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((name, text),) = value.items()
        if name in MATCH_TYPES and isinstance(text, str):
            return Matcher(MATCH_TYPES[name], text)
    raise Problem(
        400,
        f"{key!r} must be an array of strings, or of objects such as"
        ' {"match_urlpattern": "/rooms/:room"}.',
    )


def _from_form(body: bytes) -> TopicRequest:
    asked: dict[str, list[str]] = {key: [] for key in _KEYS}
    for name, value in pairs_of(body.strip()):
        if name not in asked:
            raise Problem(400, f"Unknown field {name[:20]!r}; the fields are {', '.join(_KEYS)}.")
        asked[name].append(value)
    last_event_id = next((one for one in asked["last_event_id"] if one), None)
    repeat = ANSWERS.get((asked["repeat"] or ["no"])[-1].lower())
    if repeat is None:
        raise Problem(400, "'repeat' must be yes or no.")
    return TopicRequest(tuple(asked["add"]), tuple(asked["remove"]), last_event_id, None, repeat)


def _answer(request: Request, value: dict[str, Any]) -> None:
    if has_left(request):
        return
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    headers = request.responseHeaders
    headers.setRawHeaders(b"Content-Type", [_JSON.encode("ascii")])
    headers.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
    headers.setRawHeaders(b"Cache-Control", [b"no-store"])
    request.write(body)
    request.finish()
