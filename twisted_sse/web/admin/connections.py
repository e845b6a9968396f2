"""
The resources that list connections and topics, and close a connection.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.errors import InvalidEvent
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.admin.access import check_page
from twisted_sse.web.admin.answers import answer_done, answer_json
from twisted_sse.web.admin.listing import ConnectionQuery
from twisted_sse.web.admin.listresource import ListResource
from twisted_sse.web.admin.processes import Processes
from twisted_sse.web.admin.rows import merge_connections
from twisted_sse.web.admin.topics import TopicQuery, merge_topics
from twisted_sse.web.content import read_body
from twisted_sse.web.cors import CORS
from twisted_sse.web.problem import Problem
from twisted_sse.web.query import pairs_of
from twisted_sse.web.resource import Authorize, MethodResource

__all__ = ["ConnectionsResource", "TopicsResource"]

# The largest final event, in bytes.
_MOST_FINAL = 64 * 1024

_FINAL = "The body is the final event as a JSON object with data, and perhaps event and retry."


class ConnectionsResource(ListResource):
    """
    ``GET`` lists connections; ``DELETE`` of a child closes one.
    """

    def one(self, name: str) -> Resource:
        """
        See `ListResource.one`.
        """
        return _ConnectionResource(name, self._processes, self._access)

    async def answer(self, request: Request) -> None:
        """
        See `ListResource.answer`.
        """
        query = ConnectionQuery.parse(pairs_of(request.uri.partition(b"?")[2]))
        answers = await self._processes.ask("connections", query.encode())
        answer_json(request, merge_connections(answers, query))


class _ConnectionResource(MethodResource):
    """
    One connection.
    """

    def __init__(self, name: str, processes: Processes, authorize: Authorize) -> None:
        super().__init__({"DELETE": self._delete}, authorize, CORS(), max_body=_MOST_FINAL)
        self._name = name
        self._processes = processes

    def _delete(self, request: Request, grant: Grant) -> Deferred[None]:
        return Deferred.fromCoroutine(self._close(request))

    async def _close(self, request: Request) -> None:
        check_page(request)
        final = _final_event(read_body(request, _MOST_FINAL))
        answers = await self._processes.ask("close", self._name, final)
        if not any(answers):
            raise Problem(404, "There is no connection with this id; it may have ended.")
        answer_done(request)


class TopicsResource(ListResource):
    """
    ``GET`` lists the topics of subscriptions.
    """

    async def answer(self, request: Request) -> None:
        """
        See `ListResource.answer`.
        """
        query = TopicQuery.parse(pairs_of(request.uri.partition(b"?")[2]))
        answers = await self._processes.ask("topics", query.encode())
        answer_json(request, merge_topics(answers, query))


def _final_event(body: bytes) -> dict[str, Any] | None:
    """
    Read the final event of a body, if there is one, into the arguments of
    `ServerSentEvent`.
    """
    if not body.strip():
        return None
    try:
        read = json.loads(body)
    except ValueError:
        raise Problem(400, f"The body is not JSON. {_FINAL}") from None
    if not isinstance(read, dict) or "data" not in read or set(read) - {"data", "event", "retry"}:
        raise Problem(400, _FINAL)
    data = read["data"]
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    fields = {**read, "data": text}
    try:
        ServerSentEvent(**fields)
    except InvalidEvent as error:
        raise Problem(400, str(error)) from None
    return fields
