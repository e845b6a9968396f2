"""
Listens on sockets that another process has opened: the parent of workers, systemd, or
the hub that is replaced.

An endpoint description says what is spoken on the socket; the socket itself is given.
Its path, if it has one, belongs to the process that opened it, and stays.
"""

from __future__ import annotations

import os
import re
import socket
from contextlib import suppress
from functools import partial
from typing import Any

from twisted.internet import unix
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.tcp import Port
from twisted.protocols.tls import TLSMemoryBIOFactory

__all__ = [
    "Adopting",
    "InheritedUNIXPort",
    "Inheriting",
    "adopt",
    "give_away",
    "inheriting_description",
    "share",
]

# What a description of systemd's sockets says about the socket, with the wrapper that
# may stand before it.
_SYSTEMD = re.compile(r"((?:haproxy:)?)systemd:.*", re.IGNORECASE | re.DOTALL)


def inheriting_description(description: str) -> str:
    """
    Return a description that can be parsed where systemd has passed no socket, for use
    with `Inheriting`.
    """
    return _SYSTEMD.sub(r"\1tcp:0", description)


def adopt(
    reactor: Any, descriptor: int, factory: IProtocolFactory, *, owns_path: bool = False
) -> IListeningPort:
    """
    Listen on a socket that listens already.

    Args:
        descriptor: Of the socket.  It is duplicated, and stays open.

        owns_path: Whether the path of the socket, if it has one, is removed when the port
            is closed.
    """
    with socket.socket(fileno=os.dup(descriptor)) as given:
        family = given.family
        given.setblocking(False)
    if family != socket.AF_UNIX:
        port: IListeningPort = reactor.adoptStreamPort(descriptor, family, factory)
        return port
    unix_port = InheritedUNIXPort(descriptor, factory, reactor, owns_path=owns_path)
    unix_port.startListening()
    return unix_port


class InheritedUNIXPort(unix.Port):
    """
    Twisted's own would change the mode of the path and the backlog, and remove the path.

    Attributes:
        owns_path: See `adopt`.
    """

    def __init__(
        self, descriptor: int, factory: IProtocolFactory, reactor: Any, *, owns_path: bool
    ) -> None:
        self.owns_path = owns_path
        self._given = socket.socket(fileno=os.dup(descriptor))
        super().__init__(self._given.getsockname(), factory, reactor=reactor)

    def startListening(self) -> None:
        """
        See `IListeningPort.startListening`.
        """
        self.factory.doStart()  # type: ignore[union-attr]
        self.socket = self._given
        self.fileno = self.socket.fileno  # type: ignore[method-assign]
        self.connected = True
        self.numberAccepts = 100
        self._shouldShutdown = False
        self.startReading()

    def connectionLost(self, reason: object) -> None:
        """
        See `twisted.internet.unix.Port.connectionLost`.
        """
        path = os.fsdecode(self._bindPath)
        if self.owns_path and path and not path.startswith("\0"):
            with suppress(FileNotFoundError):
                os.unlink(path)
        Port.connectionLost(self, reason)


def share(port: Any) -> None:
    """
    Let *port* leave its socket as it is when it is closed: other processes have it too.
    """
    # Twisted shuts down a socket that it has opened, which ends it for every process.
    port._shouldShutdown = False


def give_away(port: Any) -> None:
    """
    Let *port* leave its socket and its path as they are when it is closed: they belong to
    another process now.
    """
    share(port)
    if isinstance(port, InheritedUNIXPort):
        port.owns_path = False
    elif isinstance(port, unix.Port):
        # Twisted's own always removes it, and has no option for this.
        port.connectionLost = partial(_close_without_path, port)  # type: ignore[method-assign]


def _close_without_path(port: Any, reason: object) -> None:
    if port.lockFile is not None:
        port.lockFile.unlock()
    Port.connectionLost(port, reason)


class Adopting:
    """
    A reactor for one endpoint, which adopts sockets of systemd as `adopt` does.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> IListeningPort:
        """
        See `twisted.internet.interfaces.IReactorSocket.adoptStreamPort`.
        """
        return adopt(self._reactor, fileDescriptor, factory)


class Inheriting:
    """
    A reactor for one endpoint, which listens on a given socket whatever the endpoint
    asks for.

    Endpoints of every kind, those of plugins included, listen through their reactor: what
    they do beside that, such as TLS or the PROXY protocol, stays theirs.

    Args:
        descriptor: Of the socket.  It is closed when the endpoint listens.

        owns_path: See `adopt`.
    """

    def __init__(self, reactor: Any, descriptor: int, *, owns_path: bool = False) -> None:
        self._reactor = reactor
        self._descriptor = descriptor
        self._owns_path = owns_path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """
        See `twisted.internet.interfaces.IReactorTCP.listenTCP`.
        """
        return self._listen(factory)

    def listenSSL(
        self,
        port: int,
        factory: IProtocolFactory,
        contextFactory: Any,
        backlog: int = 50,
        interface: str = "",
    ) -> IListeningPort:
        """
        See `twisted.internet.interfaces.IReactorSSL.listenSSL`.
        """
        return self._listen(TLSMemoryBIOFactory(contextFactory, False, factory))

    def listenUNIX(
        self,
        address: str,
        factory: IProtocolFactory,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> IListeningPort:
        """
        See `twisted.internet.interfaces.IReactorUNIX.listenUNIX`.
        """
        return self._listen(factory)

    def _listen(self, factory: IProtocolFactory) -> IListeningPort:
        port = adopt(self._reactor, self._descriptor, factory, owns_path=self._owns_path)
        os.close(self._descriptor)
        return port
