"""
The client's side of one HTTP/2 connection that carries only event streams.

Bytes in, bytes out: nothing here does I/O.  It reads the headers of frames and counts the payload;
only the first stream's bytes are kept, since all streams get the same.
"""

from collections.abc import Iterable

from hpack import Decoder, Encoder
from hyperframe.frame import HeadersFrame, PingFrame, SettingsFrame, WindowUpdateFrame

__all__ = ["WIDEST", "H2Error", "H2Streams", "compare"]

# RFC 9113, 6.9.1: "A sender MUST NOT allow a flow-control window to exceed 2^31-1 octets."
WIDEST = 2**31 - 1

# RFC 9113, 6.9.2: the connection's window begins with 65,535 octets, whatever the settings say.
_INITIAL = 65_535

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADER = 9  # bytes of an HTTP/2 frame's header
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY = 0, 1, 3, 4, 6, 7
_ACK = _END_STREAM = 0x1
_END_HEADERS, _PADDED, _PRIORITY = 0x4, 0x8, 0x20


class H2Error(Exception):
    """
    The server ended or refused a stream or the connection.
    """


class H2Streams:
    """
    A connection and its streams, all for the same path.

    Args:
        count: The number of streams.

        path: The path that each requests.

        window: The flow-control window of each stream, in bytes; it is never enlarged.

    Attributes:
        received: Bytes of DATA by stream, since the last `forget`.

        first: The bytes received by the first stream since then.

        answered: The number of streams answered with 200.
    """

    def __init__(self, count: int, path: str, window: int = WIDEST) -> None:
        self.received = [0] * count
        self.first = bytearray()
        self.answered = 0
        self._path = path
        self._window = window
        self._taken = 0
        self._unread = bytearray()
        self._decoder = Decoder()

    def opening(self) -> bytes:
        """
        The client's first bytes: its settings, a wide window, all requests.
        """
        settings = {
            SettingsFrame.ENABLE_PUSH: 0,
            SettingsFrame.INITIAL_WINDOW_SIZE: self._window,
        }
        wide = WindowUpdateFrame(0, window_increment=WIDEST - _INITIAL)
        start = _PREFACE + SettingsFrame(0, settings).serialize() + wide.serialize()
        encoder = Encoder()
        return start + b"".join(self._request(encoder, at) for at in range(len(self.received)))

    def _request(self, encoder: Encoder, at: int) -> bytes:
        fields = [
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "localhost"),
            (":path", self._path),
            ("accept", "text/event-stream"),
        ]
        flags = ["END_HEADERS", "END_STREAM"]
        # A client's streams have odd numbers.
        return HeadersFrame(2 * at + 1, encoder.encode(fields), flags=flags).serialize()

    def forget(self) -> None:
        """
        Count from 0 again.
        """
        self.received = [0] * len(self.received)
        self.first.clear()

    def complete(self, mark: bytes) -> bool:
        """
        Whether the first stream has an event with *mark*, and every other as many bytes.
        """
        first = self.first
        same = self.received.count(len(first)) == len(self.received)
        return same and mark in first and first.endswith(b"\n\n")

    def feed(self, data: bytes) -> bytes:
        """
        Process bytes from the server.

        Returns:
            The bytes to send back.

        Raises:
            H2Error: A stream was refused, reset or ended, or the connection closed.
        """
        unread = self._unread
        unread += data
        at, answers = 0, b""
        while len(unread) - at >= _HEADER:
            size = unread[at] << 16 | unread[at + 1] << 8 | unread[at + 2]
            end = at + _HEADER + size
            if len(unread) < end:
                break
            kind, flags = unread[at + 3], unread[at + 4]
            stream = int.from_bytes(unread[at + 5 : at + _HEADER], "big")
            if kind == _DATA:
                self._data(stream, flags, size)
                if stream == 1:
                    self.first += unread[at + _HEADER : end]
            else:
                answers += self._other(kind, flags, stream, bytes(unread[at + _HEADER : end]))
            at = end
        del unread[:at]
        return answers + self._widened()

    def _data(self, stream: int, flags: int, size: int) -> None:
        if flags & (_END_STREAM | _PADDED):
            raise H2Error(f"stream {stream} was ended or padded")
        self.received[stream >> 1] += size
        self._taken += size

    def _other(self, kind: int, flags: int, stream: int, body: bytes) -> bytes:
        if kind == _HEADERS:
            self._answer(stream, flags, body)
        elif kind in (_RESET, _GOAWAY):
            what = f"stream {stream} was reset" if kind == _RESET else "the connection was ended"
            raise H2Error(f"{what}: {body.hex()}")
        elif kind == _SETTINGS and not flags & _ACK:
            return SettingsFrame(0, flags=["ACK"]).serialize()
        elif kind == _PING and not flags & _ACK:
            return PingFrame(0, body, flags=["ACK"]).serialize()
        return b""

    def _answer(self, stream: int, flags: int, block: bytes) -> None:
        if flags & (_PADDED | _PRIORITY) or not flags & _END_HEADERS:
            raise H2Error("headers in pieces are not understood")
        fields = {str(name): str(value) for name, value in self._decoder.decode(block)}
        if fields[":status"] != "200" or flags & _END_STREAM:
            raise H2Error(f"stream {stream} was answered with {fields[':status']}")
        self.answered += 1

    def _widened(self) -> bytes:
        # Well before the connection's window is used up.
        if self._taken < WIDEST // 2:
            return b""
        taken, self._taken = self._taken, 0
        return WindowUpdateFrame(0, window_increment=taken).serialize()


def compare(received: Iterable[int], size: int) -> None:
    """
    Check that each stream has received *size* bytes.

    Raises:
        H2Error: Some have not; says how many have less, and how many more.
    """
    sizes = list(received)
    lacking, beyond = sum(one < size for one in sizes), sum(one > size for one in sizes)
    if lacking or beyond:
        raise H2Error(f"{lacking} streams lost something, {beyond} got something twice")
