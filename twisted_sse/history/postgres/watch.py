"""
Waits for a socket of libpq in the reactor.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["SocketWatch"]


@implementer(IReadWriteDescriptor)
class SocketWatch:
    """
    Calls *ready* when the socket can be read or written, as `want` says, or has ended.

    It watches a duplicate.  libpq closes and replaces its sockets inside ``consume_input`` and
    ``connect_poll``; then epoll cannot forget the number, or does not know the new socket.

    Args:
        descriptor: The socket's.

        reactor: An ``IReactorFDSet``.
    """

    def __init__(self, descriptor: int, ready: Callable[[], None], reactor: Any) -> None:
        self._descriptor = os.dup(descriptor)
        self._ready = ready
        self._reactor = reactor

    def want(self, read: bool, write: bool) -> None:
        """
        Set what to wait for.
        """
        (self._reactor.addReader if read else self._reactor.removeReader)(self)
        (self._reactor.addWriter if write else self._reactor.removeWriter)(self)

    def end(self) -> None:
        """
        Wait no more.
        """
        if self._descriptor != -1:
            self._reactor.removeReader(self)
            self._reactor.removeWriter(self)
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def fileno(self) -> int:
        """
        See `IFileDescriptor.fileno`.
        """
        return self._descriptor

    def logPrefix(self) -> str:
        """
        See `ILoggingContext.logPrefix`.
        """
        return "PostgreSQL"

    def doRead(self) -> None:
        """
        See `IReadDescriptor.doRead`.
        """
        self._ready()

    def doWrite(self) -> None:
        """
        See `IWriteDescriptor.doWrite`.
        """
        self._ready()

    def connectionLost(self, reason: Failure) -> None:
        """
        See `IFileDescriptor.connectionLost`: libpq reads why.
        """
        self._ready()
