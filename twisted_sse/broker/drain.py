"""
Lets everybody go, spread over time, when a hub stops.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Protocol

from twisted.internet.task import deferLater

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.shutdown import flush_pause, wait_until_empty
from twisted_sse.events.event import MAX_RETRY, ServerSentEvent

__all__ = ["OtherStreams", "abort_all", "drain"]

# How many connections are let go in one turn of the reactor: about 5 ms.
_SLICE = 200


class OtherStreams(Protocol):
    """
    Streams of a hub that its broker does not know, because generators fill them.

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
    Refuse newcomers and publications, and end every stream in good order.

    Args:
        grace: How long slow readers and the sources of responses may take, in
            seconds.  Then they are cut.

        spread: Each connection is told to come back after its own reconnection
            time, at most this much longer than the usual one, in seconds: so
            they do not all come back in the same moment.

        farewell: The last event of every stream of the hub, not of those that
            sources fill; its ``retry`` is replaced.
    """
    broker.stop_accepting()
    responses.close()
    connections = broker.admission.connections
    leaving = list(connections)
    anybody = bool(leaving or responses)
    clock = broker.clock
    deadline = clock.seconds() + grace
    await responses.tell()
    for start in range(0, len(leaving), _SLICE):
        for connection in leaving[start : start + _SLICE]:
            later = int(random.random() * spread * 1000)
            retry = min((broker.retry or 0) + later, MAX_RETRY)
            told = ServerSentEvent(retry=retry)
            connection.drain(told if farewell is None else replace(farewell, retry=retry))
        await deferLater(clock, 0)
    await wait_until_empty(clock, deadline, lambda: len(connections) + len(responses))
    abort_all(broker, responses)
    # With nobody here, there may be an HTTP/2 connection without a stream, which
    # has just been told to go.
    await flush_pause(clock, anybody)


def abort_all(broker: Broker, responses: OtherStreams) -> None:
    """
    Let nobody stay, whatever they have not been sent yet.
    """
    for connection in broker.admission.connections:
        connection.abort(EndReason.DRAINED)
    responses.abort()
