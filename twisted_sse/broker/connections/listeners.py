"""
Tells the application who comes and who goes.

A listener hears of every connection in the order of what happened, and of its
beginning before its end.  What a listener does wrong is logged, and keeps
nothing from anybody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.connections.connection import Connection, EndReason

__all__ = ["ConnectListener", "DisconnectListener", "Listeners"]

#: Hears of a connection whose stream has begun.  A `Deferred` or a coroutine
#: that it returns is not waited for; its failure is logged.
ConnectListener = Callable[[Connection], object]

#: Hears of a connection that has ended, and why.
DisconnectListener = Callable[[Connection, EndReason], object]


class Listeners:
    """
    Who wants to hear of connections.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._connect: list[ConnectListener] = []
        self._disconnect: list[DisconnectListener] = []
        self._notices: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._telling = False

    def on_connect(self, listener: ConnectListener) -> None:
        """
        Tell *listener* of every stream that begins from now on.
        """
        self._connect.append(listener)

    def on_disconnect(self, listener: DisconnectListener) -> None:
        """
        Tell *listener* of every stream that has begun and ends from now on.
        """
        self._disconnect.append(listener)

    def remove(self, listener: Callable[..., object]) -> None:
        """
        Tell *listener* nothing more; it need not be known.
        """
        self._connect = [one for one in self._connect if one != listener]
        self._disconnect = [one for one in self._disconnect if one != listener]

    def writable(self, connection: Connection) -> None:
        """
        *connection* can be written to: its stream has begun, if it had not yet.
        """
        # One that was cut may hear from its transport once more.
        if not connection.begun and connection.ended is None:
            connection.begun = True
            self._tell(self._connect, connection)

    def ended(self, connection: Connection, reason: EndReason) -> None:
        """
        *connection* has ended.
        """
        if connection.begun:
            self._tell(self._disconnect, connection, reason)

    def _tell(self, listeners: Sequence[Callable[..., object]], *arguments: Any) -> None:
        self._notices.extend((listener, arguments) for listener in listeners)
        # A listener that ends a connection causes the next notice, which has to
        # wait until all have heard of this one.
        if self._telling:
            return
        self._telling = True
        while self._notices:
            listener, arguments = self._notices.popleft()
            maybeDeferred(listener, *arguments).addErrback(self._failed, listener)
        self._telling = False

    def _failed(self, failure: Failure, listener: Callable[..., object]) -> None:
        self._log.failure("The listener {listener} has failed", failure, listener=listener)
