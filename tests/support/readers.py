"""
Readers of one stream over TCP, TLS and HTTP/2, each with the same three ways to leave.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from hyperframe.frame import RstStreamFrame, SettingsFrame

from tests.support.certificates import trust_everything
from tests.support.curl import curl
from tests.support.forwarder import reset
from tests.support.h2_client import H2Client
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE

__all__ = ["Reader", "Wire"]

# RFC 9113, 7: the error code for a stream that is no longer needed.
_CANCEL = 8


class Reader(Protocol):
    """
    A reader of one stream.
    """

    def begin(self) -> None:
        """
        Wait for the first event.
        """

    def rest(self) -> bool:
        """
        Read to the end; return whether the stream ended in good order.
        """

    def leave(self) -> None:
        """
        Close the connection.
        """

    def reset(self) -> None:
        """
        Reset the connection or the HTTP/2 stream.
        """


class Http1Reader:
    """
    Reads over HTTP/1.1.
    """

    def __init__(self, port: int, target: str, *, tls: bool) -> None:
        self._stream = RawStream(port, target, tls=tls, receive_buffer=65536)

    def begin(self) -> None:
        """
        See `Reader`.
        """
        self._stream.next()

    def rest(self) -> bool:
        """
        See `Reader`.
        """
        self._stream.rest()
        return self._stream.complete

    def leave(self) -> None:
        """
        See `Reader`.
        """
        self._stream.close()

    def reset(self) -> None:
        """
        See `Reader`.
        """
        reset(self._stream.socket)


class Http2Reader:
    """
    Reads over HTTP/2.
    """

    def __init__(self, port: int, target: str) -> None:
        self._client = H2Client(port)
        self._number = self._client.open(target)

    def begin(self) -> None:
        """
        See `Reader`.
        """
        response = self._client.response(self._number)
        self._client.wait(lambda: bool(response.events))

    def rest(self) -> bool:
        """
        See `Reader`.
        """
        return self._client.answer(self._number).ended

    def leave(self) -> None:
        """
        See `Reader`.
        """
        self._client.close()

    def reset(self) -> None:
        """
        See `Reader`.  The connection stays.
        """
        self._client.send(RstStreamFrame(self._number, _CANCEL))


class Wire:
    """
    A protocol stack over which a hub is reached.

    Attributes:
        name: Its name in test output.
    """

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self._port = port

    def open(self, target: str) -> Reader:
        """
        Request a stream.
        """
        if self.name == "HTTP/2":
            return Http2Reader(self._port, target)
        return Http1Reader(self._port, target, tls=self.name == "TLS")

    def head(self, target: str) -> int:
        """
        Return the status of a ``HEAD`` request.
        """
        scheme = "http" if self.name == "TCP" else "https"
        version = "--http2" if self.name == "HTTP/2" else "--http1.1"
        url = f"{scheme}://127.0.0.1:{self._port}{target}"
        return curl("--head", "--insecure", version, url).status

    @contextmanager
    def blocked(self, key: str) -> Iterator[None]:
        """
        Request a stream, and read none of it.
        """
        if self.name == "HTTP/2":
            client = H2Client(self._port, {SettingsFrame.INITIAL_WINDOW_SIZE: 0})
            client.open(f"/unasked?key={key}")
            connection: Any = client.socket
        else:
            connection = self._connect()
            request = f"GET /padded?key={key} HTTP/1.1\r\nHost: localhost\r\n\r\n"
            connection.sendall(request.encode())
        yield
        connection.close()

    @contextmanager
    def goodbye(self, target: str, wait: Callable[[], object]) -> Iterator[socket.socket]:
        """
        Request a stream over TLS, read nothing, call *wait*, then close the sending side.

        Yields:
            The network connection, to be read to the end.
        """
        secured: Any = self._connect()
        secured.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        wait()
        # After sending its close_notify, unwrap() fails on the stream's data.
        with suppress(ssl.SSLError):
            secured.unwrap()
        with socket.socket(fileno=secured.detach()) as plain:
            plain.settimeout(PATIENCE)
            yield plain

    def _connect(self) -> socket.socket:
        plain = socket.socket()
        plain.settimeout(PATIENCE)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(("127.0.0.1", self._port))
        return plain if self.name == "TCP" else trust_everything().wrap_socket(plain)
