"""
Lets everybody go, spread over time, when a hub stops.
"""

from __future__ import annotations

import random
from dataclasses import replace

from twisted.internet.task import deferLater

from twisted_sse.event import MAX_RETRY, ServerSentEvent
from twisted_sse.exchange import Exchange
from twisted_sse.leaving import settle, until_gone
from twisted_sse.reason import Reason

__all__ = ["cut_all", "drain"]

# How many connections are let go in one turn of the reactor: about 5 ms.
_SLICE = 200


async def drain(
    exchange: Exchange, grace: float, spread: float, farewell: ServerSentEvent | None
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
    exchange.close_doors()
    leaving = list(exchange.connections)
    responses = exchange.responses
    anybody = bool(leaving or responses)
    clock = exchange.clock
    deadline = clock.seconds() + grace
    await responses.tell()
    for start in range(0, len(leaving), _SLICE):
        for connection in leaving[start : start + _SLICE]:
            later = int(random.random() * spread * 1000)
            retry = min((exchange.retry or 0) + later, MAX_RETRY)
            told = ServerSentEvent(retry=retry)
            connection.drain(told if farewell is None else replace(farewell, retry=retry))
        await deferLater(clock, 0)
    await until_gone(clock, deadline, lambda: len(exchange.connections) + len(responses))
    cut_all(exchange)
    # With nobody here, there may be an HTTP/2 connection without a stream, which
    # has just been told to go.
    await settle(clock, anybody)


def cut_all(exchange: Exchange) -> None:
    """
    Let nobody stay, whatever they have not been sent yet.
    """
    for connection in exchange.connections:
        connection.cut(Reason.DRAINED)
    exchange.responses.cut()
