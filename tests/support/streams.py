"""
A reader of event streams at socket level: tests can assert every byte.
"""

import socket
import time
from collections.abc import Callable

from tests.support.certificates import trust_everything
from tests.support.waiting import PATIENCE
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent

__all__ = ["ChunkDecoder", "RawStream"]

_SIZE = 65536


class ChunkDecoder:
    """
    Decodes chunked bodies (RFC 9112, 7.1), and rejects anything else.

    Attributes:
        ended: Whether the last chunk, of zero bytes, was received.
    """

    def __init__(self) -> None:
        self._waiting = b""
        self.ended = False

    def feed(self, data: bytes) -> bytes:
        """
        Return the contents of the chunks that *data* completes.

        Raises:
            AssertionError: The framing is wrong, or something follows the end.
        """
        self._waiting += data
        contents = b""
        while not self.ended and b"\r\n" in self._waiting:
            digits, _, rest = self._waiting.partition(b"\r\n")
            size = int(digits, 16)
            if len(rest) < size + 2:
                break
            assert rest[size : size + 2] == b"\r\n", "no CR LF after a chunk"
            contents += rest[:size]
            self._waiting = rest[size + 2 :]
            self.ended = size == 0
        assert not (self.ended and self._waiting), f"after the last chunk: {self._waiting!r}"
        return contents


class RawStream:
    """
    One request for a stream, and its response.

    Args:
        port: The port of a hub on this machine.

        target: The path and the query.

        headers: Further header lines of the request.

        version: ``1.0`` or ``1.1``.

        tls: Connect over TLS, without verifying the certificate.

        receive_buffer: SO_RCVBUF of the socket, in bytes; a small one fills soon.

    Attributes:
        socket: The connection.

        status: The response's status line.

        headers: The response's headers, their names in lower case.

        body: The bytes after the headers, without chunk framing.
    """

    def __init__(
        self,
        port: int,
        target: str,
        *headers: str,
        version: str = "1.1",
        tls: bool = False,
        receive_buffer: int | None = None,
    ) -> None:
        self.socket = _connect(port, tls, receive_buffer)
        lines = [f"GET {target} HTTP/{version}", "Host: localhost", *headers]
        self.socket.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii"))
        self._decoder = Decoder()
        self._chunks: ChunkDecoder | None = None
        self._events: list[ServerSentEvent] = []
        self._closed = False
        self.body = b""
        self._read_head()

    def next(self) -> ServerSentEvent:
        """
        Return the next block of the stream, of any kind.

        Raises:
            AssertionError: None comes within `PATIENCE`, or the stream ends.
        """
        return self._next(time.monotonic() + PATIENCE)

    def named(self, event: str) -> ServerSentEvent:
        """
        Return the next event of type *event*, skipping those before it.

        Raises:
            AssertionError: None comes within `PATIENCE`, or the stream ends.
        """
        deadline = time.monotonic() + PATIENCE
        while (found := self._next(deadline)).event != event:
            pass
        return found

    def data(self, count: int) -> list[str]:
        """
        Return the data of the next *count* published events.

        Raises:
            AssertionError: They do not come within `PATIENCE`, or the stream ends.
        """
        deadline = time.monotonic() + PATIENCE
        found: list[str] = []
        while len(found) < count:
            event = self._next(deadline)
            if event.data is not None and event.event not in ("stream-open", "stream-reset"):
                found.append(event.data)
        return found

    def rest(self) -> list[ServerSentEvent]:
        """
        Return all blocks until the server closes the connection or ends the response.

        Raises:
            AssertionError: Neither happens within `PATIENCE`.
        """
        self._read_until(lambda: self.ended, time.monotonic() + PATIENCE)
        events, self._events = self._events, []
        return events

    @property
    def ended(self) -> bool:
        """
        Whether the response is over.
        """
        return self._closed or self.complete

    @property
    def complete(self) -> bool:
        """
        Whether the last chunk was received.
        """
        return self._chunks is not None and self._chunks.ended

    def close(self) -> None:
        """
        Close the connection.
        """
        self.socket.close()

    def _read_head(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.socket.recv(_SIZE)
            assert data, f"no response, but {head!r}"
            head += data
        text, _, body = head.partition(b"\r\n\r\n")
        self.status, *lines = text.decode("latin-1").split("\r\n")
        pairs = [line.split(": ", 1) for line in lines]
        self.headers = {name.lower(): value for name, value in pairs}
        if self.headers.get("transfer-encoding") == "chunked":
            self._chunks = ChunkDecoder()
        self._take(body)

    def _next(self, deadline: float) -> ServerSentEvent:
        self._read_until(lambda: bool(self._events), deadline)
        assert self._events, f"the stream has ended; the body was {self.body!r}"
        return self._events.pop(0)

    def _read_until(self, done: Callable[[], bool], deadline: float) -> None:
        while not (done() or self.ended):
            # The socket's timeout is for one call, and comments may keep coming.
            remaining = deadline - time.monotonic()
            assert remaining > 0, f"waited in vain; the body was {self.body!r}"
            self.socket.settimeout(remaining)
            data = self.socket.recv(_SIZE)
            self._closed = not data
            self._take(data)

    def _take(self, data: bytes) -> None:
        if self._chunks is not None:
            data = self._chunks.feed(data)
        self.body += data
        self._events += self._decoder.feed(data)


def _connect(port: int, tls: bool, receive_buffer: int | None) -> socket.socket:
    plain = socket.socket()
    plain.settimeout(PATIENCE)
    if receive_buffer is not None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    plain.connect(("127.0.0.1", port))
    if not tls:
        return plain
    return trust_everything().wrap_socket(plain, server_hostname="localhost")
