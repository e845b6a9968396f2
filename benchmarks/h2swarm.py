"""
Many HTTP/2 connections over TLS with many event streams each, read by one thread.

The client's CPU is not measured, so it may be slow; it runs on the generator's core.
"""

import selectors
import socket
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from benchmarks.h2streams import WIDEST, H2Error, H2Streams
from benchmarks.trust import trusting_context

__all__ = ["Swarm"]

ANSWER_LIMIT = 30.0  # seconds for a handshake, and for all responses
QUIET = 0.5  # seconds without a byte, after which every stream has begun

_READ = 65_536  # bytes


class Swarm:
    """
    Connections that are open during a `with` block.

    Args:
        port: The server's port on 127.0.0.1.

        path: The path of the streams.

        connections, streams: The number of connections, and of streams on each.

        window: The flow-control window of each stream, in bytes.

    Raises:
        H2Error: On entering, if a stream is refused, or the server speaks no HTTP/2.
    """

    def __init__(
        self, port: int, path: str, connections: int, streams: int, window: int = WIDEST
    ) -> None:
        self.all = [H2Streams(streams, path, window) for _ in range(connections)]
        self._port = port
        self._sockets: list[ssl.SSLSocket] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        try:
            context = trusting_context("h2")
            for streams in self.all:
                self._connect(context, streams)
            self.read(lambda: all(s.answered == len(s.received) for s in self.all), ANSWER_LIMIT)
            self.idle(QUIET)
            self.forget()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def forget(self) -> None:
        """
        Count from 0 again.
        """
        for streams in self.all:
            streams.forget()

    def received(self) -> list[int]:
        """
        Bytes of DATA on every stream since the last `forget`.
        """
        return [size for streams in self.all for size in streams.received]

    def read(self, done: Callable[[], bool], limit: float) -> bool:
        """
        Read until *done* returns true.

        Args:
            limit: How long to read, in seconds.

        Returns:
            Whether it did within *limit*.

        Raises:
            H2Error: A stream ended.
        """
        end = time.monotonic() + limit
        while not done():
            left = end - time.monotonic()
            if left <= 0:
                return False
            for key, _ in self._selector.select(left):
                self._take(key.fileobj, key.data)  # type: ignore[arg-type]
        return True

    def idle(self, seconds: float) -> None:
        """
        Read until no bytes have come for *seconds*.
        """
        while ready := self._selector.select(seconds):
            for key, _ in ready:
                self._take(key.fileobj, key.data)  # type: ignore[arg-type]

    def _connect(self, context: ssl.SSLContext, streams: H2Streams) -> None:
        plain = socket.create_connection(("127.0.0.1", self._port), ANSWER_LIMIT)
        encrypted = context.wrap_socket(plain)
        self._sockets.append(encrypted)
        if encrypted.selected_alpn_protocol() != "h2":
            raise H2Error("the server speaks no HTTP/2")
        encrypted.sendall(streams.opening())
        encrypted.setblocking(False)
        self._selector.register(encrypted, selectors.EVENT_READ, streams)

    def _take(self, encrypted: ssl.SSLSocket, streams: H2Streams) -> None:
        # TLS may hold decrypted bytes that the selector does not see, so read until there are none.
        while True:
            try:
                data = encrypted.recv(_READ)
            except ssl.SSLWantReadError:
                return
            if not data:
                raise H2Error("the server has closed the connection")
            if answer := streams.feed(data):
                # These few bytes always fit.
                encrypted.sendall(answer)

    def _close(self) -> None:
        self._selector.close()
        for encrypted in self._sockets:
            encrypted.close()
