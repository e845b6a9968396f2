"""
Ends every stream when a hub stops, and spreads the reconnections over time.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Protocol

from twisted.internet.task import deferLater

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.shutdown import SLICE, flush_pause, wait_until_empty
from twisted_sse.events.event import MAX_RETRY, ServerSentEvent

__all__ = ["OtherStreams", "abort_all", "drain"]


class OtherStreams(Protocol):
    """
    Streams of a hub that its broker does not know: generators fill them.

    ``len()`` is the number of open ones.
    """

    def __len__(self) -> int: ...

    def close(self) -> None:
        """
        Refuse new streams.
        """

    async def tell(self) -> None:
        """
        Tell every stream to end.
        """

    def abort(self) -> None:
        """
        End the streams that are still open, at once.
        """


async def drain(
    broker: Broker,
    responses: OtherStreams,
    grace: float,
    spread: float,
    farewell: ServerSentEvent | None,
) -> None:
    """
    Refuse subscribers and publications, and end every stream in good order.

    Args:
        responses: The streams that generators fill; they end too.

        grace: How long slow readers and generators may take, in seconds.  Then
            their streams are aborted.

        spread: Each connection is sent its own reconnection time, at most this
            much longer than the usual one, in seconds, so that subscribers do not
            all come back at the same moment.

        farewell: The last event of every connection, but not of streams that
            generators fill; its ``retry`` is replaced.
    """
    broker.stop_accepting()
    responses.close()
    connections = broker.admission.connections
    leaving = list(connections)
    any_stream = bool(leaving or responses)
    clock = broker.clock
    deadline = clock.seconds() + grace
    await responses.tell()
    # A live connection ends at once, so what was announced leaves before.
    await wait_until_empty(clock, deadline, broker.distribution.unsent)
    for start in range(0, len(leaving), SLICE):
        for connection in leaving[start : start + SLICE]:
            delay = int(random.random() * spread * 1000)
            retry = min((broker.retry or 0) + delay, MAX_RETRY)
            final = replace(farewell or ServerSentEvent(retry=retry), retry=retry)
            connection.drain(final)
        await deferLater(clock, 0)
    await wait_until_empty(clock, deadline, lambda: len(connections) + len(responses))
    abort_all(broker, responses)
    # Even without any stream, there may be an HTTP/2 connection to which GOAWAY has
    # just been written.
    await flush_pause(clock, any_stream)


def abort_all(broker: Broker, responses: OtherStreams) -> None:
    """
    Abort every stream, whatever has not been sent yet.
    """
    for connection in broker.admission.connections:
        connection.abort(EndReason.DRAINED)
    responses.abort()
