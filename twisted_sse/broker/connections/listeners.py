"""
Calls the application's listeners when streams begin and end.

A listener is called in the order of events, and for the beginning of a connection
before its end.  If a listener fails, the failure is logged, and the others are
called nevertheless.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason

__all__ = ["ConnectListener", "DisconnectListener", "Listeners", "Notices"]

#: Called with a connection whose stream has begun.  A `Deferred` or a coroutine
#: that it returns is not waited for; a failure of that is logged.
ConnectListener = Callable[[Connection], object]

#: Called with a connection that has ended, and the reason.
DisconnectListener = Callable[[Connection, EndReason], object]


class Notices:
    """
    Calls listeners one after the other, and logs what fails.

    A listener that causes another notice does not delay the others: that notice waits
    until every listener has been called for this one.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._notices: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._telling = False

    def tell(self, listeners: Sequence[Callable[..., object]], *arguments: Any) -> None:
        """
        Call each of *listeners* with *arguments*.
        """
        if not listeners:
            return
        self._notices.extend((listener, arguments) for listener in listeners)
        if self._telling:
            return
        self._telling = True
        while self._notices:
            listener, arguments = self._notices.popleft()
            maybeDeferred(listener, *arguments).addErrback(self._failed, listener)
        self._telling = False

    def _failed(self, failure: Failure, listener: Callable[..., object]) -> None:
        self._log.failure("The listener {listener} failed", failure, listener=listener)


class Listeners:
    """
    The listeners of one hub.
    """

    def __init__(self) -> None:
        self._connect: list[ConnectListener] = []
        self._disconnect: list[DisconnectListener] = []
        self._notices = Notices()

    def on_connect(self, listener: ConnectListener) -> None:
        """
        Call *listener* for every stream that begins from now on.
        """
        self._connect.append(listener)

    def on_disconnect(self, listener: DisconnectListener) -> None:
        """
        Call *listener* for every stream that ends from now on, if it had begun.
        """
        self._disconnect.append(listener)

    def remove(self, listener: Callable[..., object]) -> None:
        """
        Do not call *listener* any more; it may be unknown.
        """
        self._connect = [one for one in self._connect if one != listener]
        self._disconnect = [one for one in self._disconnect if one != listener]

    def writable(self, connection: Connection) -> None:
        """
        Call the listeners for *connection*, which can be written to, if they have
        not been called for it yet.
        """
        # The transport of an aborted connection may call once more.
        if not connection.begun and connection.ended is None:
            connection.begun = True
            self._notices.tell(self._connect, connection)

    def ended(self, connection: Connection, reason: EndReason) -> None:
        """
        Call the listeners for *connection*, which has ended.
        """
        if connection.begun:
            self._notices.tell(self._disconnect, connection, reason)
