"""
The running hub: it gives its sockets to the process that asks for them, and ends.

Only processes of the same user, and root, can connect: the socket has mode 0600.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from twisted_sse.interfaces import ISharedHistoryProvider
from twisted_sse.server.config.config import Config
from twisted_sse.server.inherited import adopt
from twisted_sse.server.listening import EndpointService
from twisted_sse.server.takeover.messages import LONGEST, READY, Answer, read_request

__all__ = ["Holder", "Pausing", "Several", "holder"]

# What the end takes beyond the grace, in seconds: history is closed.
_CLOSING = 30.0


class Pausing(Protocol):
    """
    What accepts connections: this process, or its workers.
    """

    def pause(self) -> None:
        """
        Accept no connections, until `resume` is called.
        """

    def resume(self) -> None:
        """
        Accept connections again.
        """


class Several:
    """
    The endpoints of this process, as `Pausing`.
    """

    def __init__(self, endpoints: Sequence[EndpointService]) -> None:
        self._endpoints = endpoints

    def pause(self) -> None:
        """
        See `Pausing.pause`.
        """
        for endpoint in self._endpoints:
            endpoint.pause()

    def resume(self) -> None:
        """
        See `Pausing.resume`.
        """
        for endpoint in self._endpoints:
            endpoint.resume()


class Holder(Service):
    """
    Args:
        path: Where to listen.  A hub that is replaced listens there too; its place is
            taken at once.

        endpoints: Have the sockets.

        accepting: What accepts from them.

        shared: Whether the history of this hub can be used by several processes.

        grace: How long this hub takes at most to end its streams, in seconds.

        reactor: Is stopped in the end.
    """

    _log = Logger()

    def __init__(
        self,
        path: str,
        endpoints: Sequence[EndpointService],
        accepting: Pausing,
        *,
        shared: bool,
        grace: float,
        reactor: Any,
    ) -> None:
        self._path = path
        self._endpoints = endpoints
        self._accepting = accepting
        self._shared = shared
        self._grace = grace
        self._reactor = reactor
        self._port: IListeningPort | None = None
        self._inode = 0
        self._taker: _Taking | None = None
        self._leaving = False

    def startService(self) -> None:
        """
        See `IService.startService`.

        Raises:
            SystemExit: Listening failed.
        """
        super().startService()
        factory: Any = Factory.forProtocol(_Taking)
        factory.holder = self
        factory.noisy = False
        try:
            with _listen(self._path) as listening:
                self._inode = os.stat(self._path).st_ino
                self._port = adopt(self._reactor, listening.fileno(), factory)
        except OSError as error:
            reason = error.strerror or error
            raise SystemExit(f"twistd sse: --takeover {self._path}: {reason}") from None

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.
        """
        super().stopService()
        with suppress(OSError):
            # Unless the next hub listens there.
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)
        port, self._port = self._port, None
        stopping: Deferred[None] = maybeDeferred(_close, port)
        return stopping

    def take(self, taker: _Taking, line: bytes) -> None:
        """
        Answer a request for the sockets.
        """
        if self._taker is not None or self._leaving or not self.running:
            taker.answer(Answer(refusal="another process is taking over at this moment"), ())
            return
        try:
            request = read_request(line)
        except (ValueError, RecursionError) as error:
            taker.answer(Answer(refusal=str(error)), ())
            return
        self._taker = taker
        self._accepting.pause()
        wait = 0.0 if self._shared or request.shared else self._grace + _CLOSING
        ports = [endpoint.description for endpoint in self._endpoints]
        self._log.info("Another process takes over")
        taker.answer(Answer(ports, wait), [one.descriptor for one in self._endpoints])
        if wait:
            # The connection is closed when everything else has ended, history included.
            self._leave()

    def ready(self, taker: _Taking) -> None:
        """
        Note that the other process accepts connections.
        """
        if taker is self._taker:
            self._leave()

    def lost(self, taker: _Taking) -> None:
        """
        Note that the other process has closed the connection, or has died.
        """
        if taker is self._taker and not self._leaving:
            self._taker = None
            self._log.warn("The process that was taking over is gone, so this hub goes on")
            self._accepting.resume()

    def _leave(self) -> None:
        self._leaving = True
        for endpoint in self._endpoints:
            endpoint.give_away()
        self._log.info("The sockets have been given to another process, shutting down")
        if self._reactor.running:
            # In the next turn, so that the answer leaves.
            self._reactor.callLater(0, self._reactor.stop)


def holder(
    config: Config, endpoints: Sequence[EndpointService], accepting: Pausing, reactor: Any
) -> Holder:
    """
    Make the service that ``--takeover`` asks for.
    """
    assert config.takeover is not None
    return Holder(
        config.takeover,
        endpoints,
        accepting,
        shared=ISharedHistoryProvider(config.history, None) is not None,
        grace=config.grace,
        reactor=reactor,
    )


class _Taking(LineOnlyReceiver):
    delimiter = b"\n"
    MAX_LENGTH = LONGEST
    transport: Any
    factory: Any
    _asked = False

    def lineReceived(self, line: bytes) -> None:
        """
        See `LineOnlyReceiver.lineReceived`.
        """
        if not self._asked:
            self._asked = True
            self.factory.holder.take(self, line)
        elif line == READY.strip():
            self.factory.holder.ready(self)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        See `LineOnlyReceiver.connectionLost`.
        """
        self.factory.holder.lost(self)

    def answer(self, answer: Answer, descriptors: Sequence[int]) -> None:
        """
        Send an answer, with sockets.
        """
        for descriptor in descriptors:
            self.transport.sendFileDescriptor(descriptor)
        self.transport.write(answer.encode())
        if answer.refusal:
            self.transport.loseConnection()


def _close(port: IListeningPort | None) -> Any:
    return None if port is None else port.stopListening()


def _listen(path: str) -> socket.socket:
    """
    Listen at *path*, in the place of whatever socket is there.
    """
    # A name of its own, and then a rename: no process finds the path without a hub.
    own = f"{path}.{os.getpid()}"
    listening = socket.socket(socket.AF_UNIX)
    try:
        with suppress(FileNotFoundError):
            os.unlink(own)
        # Before anybody could connect; chmod would be later.
        before = os.umask(0o177)
        try:
            listening.bind(own)
        finally:
            os.umask(before)
        listening.listen(5)
        os.rename(own, path)
    except BaseException:
        listening.close()
        raise
    return listening
