"""
Listens on the ports and endpoints of a standalone hub.
"""

from __future__ import annotations

import difflib
import re
import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import (
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    serverFromString,
)
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.python.failure import Failure

from twisted_sse.server.inherited import Adopting, give_away, share
from twisted_sse.transport.acceptlimit import AcceptLimit
from twisted_sse.transport.proxyprotocol import ProxyProtocolFactory
from twisted_sse.transport.sockets import limit_listening

__all__ = ["EndpointService", "endpoint_for"]

# The most connections that wait to be accepted.  Twisted's default of 50 refuses
# subscribers that all reconnect at once; Linux caps this at net.core.somaxconn.
_BACKLOG = 4096

# The kinds of endpoint that take a backlog, and how many positional arguments they
# have before it.
_POSITIONAL = {"tcp": 2, "tcp4": 2, "tcp6": 1, "unix": 2, "ssl": 5, "tls": 2}

# The arguments of the kinds that people type by hand.
_NAMES = {
    "tcp": ("port", "interface", "backlog"),
    "unix": ("address", "mode", "backlog", "lockfile"),
}

_TCP_PORT = re.compile(r"(?:haproxy:)?tcp:(?:port=)?[0-9]+(?::|$)", re.IGNORECASE)

# A host and a port, as clients write them.
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+):([0-9]{1,5})")

# A backslash makes a colon part of an argument.
_COLON = re.compile(r"(?<!\\):")


def endpoint_for(reactor: Any, description: str) -> IStreamServerEndpoint:
    """
    Make the endpoint for *description*.

    Args:
        description: A port number, for all addresses of this machine, or a
            Twisted endpoint description.  It gets our backlog unless it has one.

    Raises:
        ValueError: *description* is neither.
    """
    if not (description.isascii() and description.isdigit()):
        return _described(reactor, description)
    port = int(description)
    if port > 65535:
        raise ValueError("the highest port number is 65535")
    if socket.has_dualstack_ipv6():
        return TCP6ServerEndpoint(reactor, port, backlog=_BACKLOG, interface="::")
    return TCP4ServerEndpoint(reactor, port, backlog=_BACKLOG)


def _described(reactor: Any, description: str) -> IStreamServerEndpoint:
    if _parts(description)[0] == "systemd":
        reactor = Adopting(reactor)
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, _with_backlog(description))
    except Exception as error:
        # Every kind of endpoint has its own parser, with its own errors.
        raise ValueError(_advice(description) or str(error)) from error
    return endpoint


def _advice(description: str) -> str | None:
    """
    What to write instead of something that is no endpoint, if it is a usual mistake.
    """
    address = _ADDRESS.fullmatch(description)
    if address is not None:
        host = address[1].strip("[]").replace(":", r"\:")
        return f"to listen on one address, write tcp:{address[2]}:interface={host}"
    if re.match("https?:", description):
        return "write a port number, and --tls-cert for https"
    kind, given, names = _parts(description)
    if kind == "systemd" and "domain" in names:
        return "systemd has passed no such socket: start the hub by its .socket unit"
    known = _NAMES.get(kind, ())
    for name in names:
        if known and name not in known:
            close = difflib.get_close_matches(name, known, 1, 0.6)
            advice = f"did you mean {close[0]}" if close else f"use {', '.join(known)}"
            return f"{kind} has no argument {name!r}, {advice}"
    if kind == "tcp" and not _TCP_PORT.match(description):
        return "write a port number, as in tcp:8080"
    if kind == "unix" and not given:
        return "write a path, as in unix:/run/sse.sock"
    return None


def _with_backlog(description: str) -> str:
    """
    Add our backlog to *description*, if it may have one and has none.
    """
    kind, given, names = _parts(description)
    most = _POSITIONAL.get(kind)
    if most is None or given > most or "backlog" in names:
        return description
    return f"{description}:backlog={_BACKLOG}"


def _parts(description: str) -> tuple[str, int, list[str]]:
    """
    Return the kind of endpoint, how many positional arguments it has, and the names
    of the others.
    """
    kind, *arguments = _COLON.split(description)
    if kind.lower() == "haproxy" and arguments:
        # It hands everything on to the endpoint that it wraps.
        kind, *arguments = arguments
    names = [name for name, equals, _ in (one.partition("=") for one in arguments) if equals]
    return kind.lower(), len(arguments) - len(names), names


class EndpointService(Service):
    """
    Listens on an endpoint while it runs.

    Args:
        description: The endpoint as the user wrote it.

        send_timeout: See `limit_listening`.  Connections inherit it from the
            listening socket.

        accepts: Pauses the port when too many connections arrive.

        held: Whether this process only holds the socket for others, and accepts nothing.

    Attributes:
        option: The option that the description was given with.
    """

    option = "port"

    def __init__(
        self,
        endpoint: IStreamServerEndpoint,
        factory: IProtocolFactory,
        description: str,
        send_timeout: float | None,
        accepts: AcceptLimit | None = None,
        *,
        held: bool = False,
    ) -> None:
        self._endpoint = endpoint
        self._factory = factory
        self.description = description
        self._send_timeout = send_timeout
        self._accepts = accepts
        # How many have asked for a pause.
        self._pauses = 1 if held else 0
        self._port: IListeningPort | None = None

    @property
    def address(self) -> IAddress | None:
        """
        Where it listens; ``None`` before it does.
        """
        return None if self._port is None else self._port.getHost()

    @property
    def port(self) -> int | None:
        """
        The TCP port number; ``None`` before it listens, and for other sockets.
        """
        return getattr(self.address, "port", None)

    def set_timeouts(self, send_timeout: float | None, handshake_timeout: float | None) -> None:
        """
        Apply these time-outs, in seconds, to connections that begin from now on.

        Args:
            send_timeout: As for the constructor.

            handshake_timeout: That of PROXY headers, if the port expects any.
        """
        self._send_timeout = send_timeout
        if isinstance(self._factory, ProxyProtocolFactory):
            self._factory.timeout = handshake_timeout
        self._limit_sending()

    @property
    def descriptor(self) -> int:
        """
        The file descriptor of the socket, while it listens.
        """
        port: Any = self._port
        number: int = port.fileno()
        return number

    def pause(self) -> None:
        """
        Accept no connections: they wait in the queue of the socket, for this process or
        for another one that has the same socket.
        """
        self._pauses += 1
        self._apply()

    def resume(self) -> None:
        """
        Accept connections again, when as many calls have asked for it as for a pause.
        """
        self._pauses -= 1
        self._apply()

    def give_away(self) -> None:
        """
        Note that another process has the socket too, and goes on with it.
        """
        give_away(self._port)

    def privilegedStartService(self) -> None:
        """
        See `IService.privilegedStartService`.  Ports below 1024 need the privileges.

        Raises:
            SystemExit: Listening failed.
        """
        failures: list[Failure] = []
        self._endpoint.listen(self._factory).addCallbacks(self._listening, failures.append)
        if failures:
            # Raised here, because in a callback it would only be logged.
            reason = getattr(failures[0].value, "strerror", None) or failures[0].getErrorMessage()
            raise SystemExit(f"twistd sse: --{self.option} {self.description}: {reason}")

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.
        """
        super().stopService()
        stopping: Deferred[None] = maybeDeferred(self._close)
        return stopping

    def _apply(self) -> None:
        port: Any = self._port
        if port is None or not getattr(port, "connected", False) or port.disconnecting:
            return
        if self._pauses:
            port.stopReading()
        else:
            port.startReading()

    def _listening(self, port: IListeningPort) -> None:
        self._port = port
        self._limit_sending()
        if self._accepts is not None:
            self._accepts.add(port)
        # In the same turn, so a socket that is only held for others has accepted nothing.
        if self._pauses:
            self._apply()
            share(port)

    def _limit_sending(self) -> None:
        listening = getattr(self._port, "socket", None)
        if isinstance(listening, socket.socket):
            limit_listening(listening, self._send_timeout)

    def _close(self) -> Any:
        if self._port is None:
            return None
        if self._accepts is not None:
            self._accepts.remove(self._port)
        return self._port.stopListening()
