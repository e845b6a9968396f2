"""
An HTTP/2 client that sends any frame, even a wrong one, and sees every frame.

No state machine stops it: frames are hyperframe's, or bytes.
"""

import json
import socket
import ssl
import struct
from collections.abc import Callable, Iterable
from typing import Any

from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.support.certificates import trust_everything
from tests.support.h2_frames import PREFACE, Response, request_fields
from tests.support.hub_process import TOKEN
from tests.support.waiting import PATIENCE

__all__ = ["H2Client"]

_SIZE = 65536

# RFC 9113, 6.9.2: the size of a window at first, in bytes.
_WINDOW = 65_535

# RFC 9113, 4.2: the most bytes of a frame's body.
_FRAME = 16384


class H2Client:
    """
    A connection to the hub on *port*.

    Args:
        settings: The settings in its first frame.

        preface: The bytes that it sends first; by default the preface and the settings.

        window: The bytes that are added to the connection's window of 65,535.

        receive_buffer: The socket's receive buffer, in bytes; a small one fills soon.

        tls: Choose HTTP/2 by ALPN, or else begin with it on a plain port.

    Attributes:
        frames: The frames that were received, in order.

        responses: The response on each stream, as far as it was received.

        encoder: Encodes the lists of headers.
    """

    def __init__(
        self,
        port: int,
        settings: dict[int, int] | None = None,
        *,
        preface: bytes | None = None,
        window: int = 0,
        receive_buffer: int | None = None,
        tls: bool = True,
    ) -> None:
        plain = socket.socket()
        plain.settimeout(PATIENCE)
        if receive_buffer is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.connect(("127.0.0.1", port))
        self.socket: socket.socket = _secured(plain) if tls else plain
        self.frames: list[Frame] = []
        self.responses: dict[int, Response] = {}
        self.encoder = Encoder()
        self._decoder = Decoder()
        self._unread = bytearray()
        self._next = 1
        self._pings = 0
        self.send(
            PREFACE + SettingsFrame(0, settings or {}).serialize() if preface is None else preface
        )
        if window:
            self.send(WindowUpdateFrame(0, window_increment=window))

    def send(self, *parts: Frame | bytes) -> None:
        """
        Send frames and bytes in one call.
        """
        data = b"".join(one if isinstance(one, bytes) else one.serialize() for one in parts)
        self.socket.sendall(data)

    def headers(self, stream: int, fields: Iterable[tuple[Any, Any]], *flags: str) -> HeadersFrame:
        """
        Make a frame with a complete list of headers.
        """
        return HeadersFrame(stream, self.block(fields), flags=["END_HEADERS", *flags])

    def block(self, fields: Iterable[tuple[Any, Any]]) -> bytes:
        """
        Encode a list of headers.
        """
        # Never indexed, because the server does not decode every list that is sent.
        never = [(name, value, True) for name, value in fields]
        encoded: bytes = self.encoder.encode(never, huffman=False)
        return encoded

    def open(self, path: str = "/healthz", *others: tuple[str, str]) -> int:
        """
        Send a request without a body, and return its stream.
        """
        stream = self.next_stream()
        self.send(self.headers(stream, request_fields(path, "GET", *others), "END_STREAM"))
        return stream

    def post(self, *publications: tuple[str, str]) -> int:
        """
        Publish each pair of topic and data, and return the request's stream.
        """
        stream = self.next_stream()
        lines = [json.dumps({"topic": topic, "data": data}) for topic, data in publications]
        fields = request_fields(
            "/events",
            "POST",
            ("authorization", f"Bearer {TOKEN}"),
            ("content-type", "application/x-ndjson"),
        )
        body = "\n".join(lines).encode("utf-8")
        parts = [body[start : start + _FRAME] for start in range(0, len(body), _FRAME)]
        self.send(self.headers(stream, fields))
        self.send_body(stream, parts)
        return stream

    def send_body(self, stream: int, parts: Iterable[bytes]) -> None:
        """
        Send a body whose parts fit into frames, as fast as both windows allow, until the
        response ends.
        """
        response, sent = self.response(stream), 0

        def may_send() -> bool:
            return response.ended or min(self._window(0), self._window(stream)) >= sent

        for part in parts:
            sent += len(part)
            self.wait(may_send)
            if response.ended:
                return
            self.send(DataFrame(stream, part))
        self.send(DataFrame(stream, flags=["END_STREAM"]))

    def _window(self, stream: int) -> int:
        """
        How many bytes of bodies the server allows, if there is no body but one.
        """
        updates = [one for one in self._of(WindowUpdateFrame) if one.stream_id == stream]
        return _WINDOW + sum(one.window_increment for one in updates)

    def next_stream(self) -> int:
        """
        Return the number of an unused stream.
        """
        self._next += 2
        return self._next - 2

    def subscribe(self, path: str = "/events?topic=*") -> int:
        """
        Open an event stream, wait for its first event, and return its HTTP/2 stream.
        """
        stream = self.open(path)
        self.wait(lambda: bool(self.response(stream).events))
        return stream

    def response(self, stream: int) -> Response:
        """
        Return the response on *stream*, as far as it was received.
        """
        return self.responses.setdefault(stream, Response())

    def answer(self, stream: int) -> Response:
        """
        Read the response on *stream* until the stream ends or is reset.
        """
        response = self.response(stream)
        self.wait(lambda: response.ended or response.reset is not None)
        return response

    def wait(self, done: Callable[[], bool]) -> None:
        """
        Read until *done* returns true.

        Raises:
            AssertionError: The server closed the connection first.
        """
        while not done():
            assert self._read(), f"closed; the last frames: {self.frames[-3:]}"

    def read_frames(self, count: int) -> None:
        """
        Read until *count* frames were received since the connection was made.
        """
        self.wait(lambda: len(self.frames) >= count)

    def ping(self) -> None:
        """
        Send a PING, and read everything up to its answer.

        Raises:
            AssertionError: The server has closed the connection.
        """
        self._pings += 1
        mark = struct.pack(">Q", self._pings)
        self.send(PingFrame(0, mark))
        self.wait(lambda: any(mark == ping.opaque_data for ping in self._of(PingFrame)))

    def rest(self) -> int | None:
        """
        Read until the server closes the connection.

        Returns:
            The code of the last GOAWAY, or ``None`` if there was none.
        """
        while self._read():
            pass
        codes = [frame.error_code for frame in self._of(GoAwayFrame)]
        return codes[-1] if codes else None

    def close(self) -> None:
        """
        Close the connection without a GOAWAY.
        """
        self.socket.close()

    def _of(self, kind: type[Any]) -> list[Any]:
        return [frame for frame in self.frames if type(frame) is kind]

    def _read(self) -> bool:
        data = self.socket.recv(_SIZE)
        self._unread += data
        while len(self._unread) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(bytes(self._unread[:9])))
            if len(self._unread) < 9 + length:
                break
            frame.parse_body(memoryview(bytes(self._unread[9 : 9 + length])))
            del self._unread[: 9 + length]
            self._take(frame)
        return bool(data)

    def _take(self, frame: Frame) -> None:
        self.frames.append(frame)
        response = self.response(frame.stream_id)
        if isinstance(frame, HeadersFrame):
            fields = self._decoder.decode(frame.data)
            response.headers = {str(name): str(value) for name, value in fields}
        elif isinstance(frame, DataFrame):
            response.body += frame.data
        elif isinstance(frame, RstStreamFrame):
            response.reset = frame.error_code
        if "END_STREAM" in frame.flags and frame.stream_id:
            response.ended = True


def _secured(plain: socket.socket) -> ssl.SSLSocket:
    context = trust_everything()
    context.set_alpn_protocols(["h2"])
    secured = context.wrap_socket(plain, server_hostname="localhost")
    assert secured.selected_alpn_protocol() == "h2", "no HTTP/2"
    return secured
