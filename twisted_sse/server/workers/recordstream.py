"""
The stream of everything that the parent keeps, for one worker that follows it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred

from twisted_sse.broker.audiences.representation import REPLICATED
from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.broker.subscriber import Subscriber
from twisted_sse.events.preamble import StreamStart
from twisted_sse.server.workers.calls import AnswerCall, Calls
from twisted_sse.server.workers.pipesink import PipeSink, quoted
from twisted_sse.topics import Selection

__all__ = ["RecordStream"]

_EVERYTHING = Selection.of(["*"])


class RecordStream:
    """
    What a worker follows.

    The stream is that of another hub that follows this one; see
    `twisted_sse.web.replication`.

    Args:
        broker: That of the hub that keeps the history.

        calls: Reaches the worker.

        pipe: See `PipeSink`.
    """

    def __init__(self, broker: Broker, calls: Calls, pipe: Any) -> None:
        self._broker = broker
        self._calls = calls
        self._pipe = pipe
        self._sink: PipeSink | None = None
        self._connection: Connection | None = None

    @property
    def handlers(self) -> dict[str, AnswerCall]:
        """
        The handlers for the calls of the worker.
        """
        return {"follow": self._follow, "unfollow": self._end}

    def _follow(self, number: int, last_event_id: str) -> Deferred[None]:
        """
        Begin to stream what follows an event, instead of what was streamed before.
        """
        self._end()
        sink = self._sink = PipeSink(self._calls, self._pipe, number)

        def begin(connection: Connection, start: StreamStart) -> None:
            representation = connection.audience.representation
            preamble = representation.preamble(start, self._broker.position, None, None)
            sink.send(quoted(preamble))

        subscriber = Subscriber(
            sink=sink,
            selection=_EVERYTHING,
            grant=Grant(subscribe=_EVERYTHING),
            address=UNIXAddress(None),
            last_event_id=last_event_id,
            representation=REPLICATED,
        )
        self._connection, opened = self._broker.admission.admit(subscriber, begin)
        return opened

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.close()
        if connection is not None:
            connection.end(EndReason.GONE)
