"""
Looks up the grants of open streams again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.web.server import Request

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.grant import Grant

__all__ = ["Reauthorization"]


class Reauthorization:
    """
    Looks up the grant of a stream again, whatever its topics are by then.

    Attributes:
        connection: That of the stream; ``None`` before there is one.
    """

    __slots__ = ("_look_up", "_request", "connection")

    def __init__(
        self,
        request: Request,
        look_up: Callable[[Request, Connection | None], Grant | Awaitable[Grant]],
    ) -> None:
        self._request = request
        self._look_up = look_up
        self.connection: Connection | None = None

    def __call__(self) -> Grant | Awaitable[Grant]:
        return self._look_up(self._request, self.connection)
