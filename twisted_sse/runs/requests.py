"""
How requests for a run are read: `Subscriptions` does everything else.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.web.server import Request

from twisted_sse.broker.broker import Broker
from twisted_sse.events.preamble import Priming, StreamStart
from twisted_sse.events.runrecord import RunRecord
from twisted_sse.topics import Exact, Selection
from twisted_sse.web.form import raw_query
from twisted_sse.web.protocol import Opening, StartHeaders
from twisted_sse.web.query import Query, pairs_of, query_of
from twisted_sse.web.resource import Authorize
from twisted_sse.web.stream import Subscriptions

__all__ = ["run_streams"]


class _RunRequests:
    """
    Where a stream of a run begins: after ``Last-Event-ID``, ``?starting_after=``, or at the
    start.
    """

    start_headers: Sequence[bytes] = ()

    def __init__(self, run: RunRecord) -> None:
        self._run = run

    def take_form(self, request: Request, max_topics: int | None) -> None:
        """
        See `twisted_sse.web.protocol.SubscriberProtocol.take_form`: there are no forms.
        """

    def query(self, request: Request) -> Query:
        """
        See `twisted_sse.web.protocol.SubscriberProtocol.query`.
        """
        after = query_of(request).last_event_id or _starting_after(request)
        return Query((), after or self._run.start.id)

    def headers_of(self, start: StreamStart) -> StartHeaders:
        """
        See `twisted_sse.web.protocol.SubscriberProtocol.headers_of`: there are none.
        """
        return ()

    def begin(self, opening: Opening) -> None:
        """
        See `twisted_sse.web.protocol.SubscriberProtocol.begin`.
        """


def run_streams(
    broker: Broker, run: RunRecord, authorize: Authorize, priming: Priming
) -> Subscriptions:
    """
    Make what answers requests for *run*.
    """
    return Subscriptions(
        broker,
        topics=Selection.of([Exact(run.key.topic)]),
        priming=priming,
        authorize=authorize,
        protocol=_RunRequests(run),
    )


def _starting_after(request: Request) -> str | None:
    found = [value for name, value in pairs_of(raw_query(request)) if name == "starting_after"]
    return found[-1] if found and found[-1] else None
