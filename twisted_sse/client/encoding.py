"""
The content encoding of a response: which one it is, and how its bytes are decoded.

Only gzip is decoded, in slices: a kilobyte can expand to a megabyte.
"""

from __future__ import annotations

import zlib
from collections import deque
from math import inf
from typing import Any, NamedTuple

from twisted.web.client import GzipDecoder
from twisted.web.http_headers import Headers

from twisted_sse.errors import InvalidResponse, UnexpectedContentEncoding

__all__ = ["Encoded", "Plain", "Slices", "Unzipped", "encoded"]

# The most to decode in one step, in bytes: the size of one read.  The events of a
# slice take twenty times more memory.
_SLICE = 64 * 1024

# The same for compressed data, of which one read brings a thousand times more.  The
# smallest events of a slice keep a consumer busy for some hundredths of a second.
_UNZIPPED_SLICE = 4 * 1024

# RFC 9110, 8.4.1.3: "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"."
_GZIP = ("gzip", "x-gzip")

_BROKEN = "The response is compressed with gzip, and the compressed data is broken"


class Encoded(NamedTuple):
    """
    A response whose body is delivered as it was sent.

    Attributes:
        slices: Decodes the body; a new object.
    """

    response: Any
    slices: Slices


class Slices:
    """
    Decodes bytes in slices.

    Attributes:
        turn_limit: The most to decode in one turn of the reactor, in bytes.
    """

    turn_limit: float

    def feed(self, data: bytes) -> None:
        """
        Take the next bytes of the body.
        """
        raise NotImplementedError

    def next(self) -> bytes:
        """
        Return the next slice, or b"" if more bytes are needed.

        Raises:
            InvalidResponse: The bytes cannot be decoded.
        """
        raise NotImplementedError

    def clear(self) -> None:
        """
        Discard the bytes that were not decoded.
        """
        raise NotImplementedError

    def end(self) -> None:
        """
        Check that the body may end here.

        Raises:
            InvalidResponse: The body is incomplete.
        """

    def __bool__(self) -> bool:
        """
        Tell whether bytes may be left to decode.
        """
        raise NotImplementedError


class Plain(Slices):
    """
    Slices of a body that is not encoded.
    """

    # One read has a limit already.
    turn_limit = inf

    def __init__(self) -> None:
        self._pieces: deque[memoryview] = deque()

    def feed(self, data: bytes) -> None:
        """
        See `Slices.feed`.
        """
        if data:
            self._pieces.append(memoryview(data))

    def next(self) -> bytes:
        """
        See `Slices.next`.
        """
        if not self._pieces:
            return b""
        piece = self._pieces.popleft()
        if len(piece) > _SLICE:
            self._pieces.appendleft(piece[_SLICE:])
        return bytes(piece[:_SLICE])

    def clear(self) -> None:
        """
        See `Slices.clear`.
        """
        self._pieces.clear()

    def __bool__(self) -> bool:
        return bool(self._pieces)


class Unzipped(Slices):
    """
    Slices of a body that is compressed with gzip, in one member or several.
    """

    turn_limit = _UNZIPPED_SLICE

    def __init__(self) -> None:
        self._undecoded = b""
        self._may_have_more = False
        self._is_empty = self._is_headless = True
        self._start_member()

    def feed(self, data: bytes) -> None:
        """
        See `Slices.feed`.
        """
        self._undecoded += data
        self._may_have_more = bool(self._undecoded)

    def next(self) -> bytes:
        """
        See `Slices.next`.
        """
        while self._may_have_more:
            if self._decompressor.eof:
                self._start_member()
            self._is_empty = False
            try:
                data = self._decompressor.decompress(self._undecoded, _UNZIPPED_SLICE)
            except zlib.error as error:
                self.clear()
                raise InvalidResponse(f"{_BROKEN}: {error}.") from error
            self._undecoded = self._decompressor.unconsumed_tail or self._decompressor.unused_data
            # A full slice may have left output inside the decompressor.
            self._may_have_more = bool(self._undecoded) or len(data) == _UNZIPPED_SLICE
            if data:
                self._is_headless = False
                return data
        return b""

    def clear(self) -> None:
        """
        See `Slices.clear`.
        """
        self._undecoded = b""
        self._may_have_more = False

    def end(self) -> None:
        """
        See `Slices.end`.

        A stream may end without a trailer: its server does not know the end of it.
        """
        if self._is_headless and not self._is_empty and not self._decompressor.eof:
            raise InvalidResponse(f"{_BROKEN}: it ends too early.")

    def __bool__(self) -> bool:
        return self._may_have_more

    def _start_member(self) -> None:
        self._decompressor = zlib.decompressobj(16 + zlib.MAX_WBITS)


def encoded(response: Any) -> Encoded:
    """
    Find out how the body of *response* is encoded.

    treq decodes gzip itself, but all at once: its decoder is removed.

    Raises:
        UnexpectedContentEncoding: The encoding is not gzip.
    """
    layers = 0
    inner = getattr(response, "original", None)
    # treq wraps the response first.
    if isinstance(inner, GzipDecoder):
        response = inner
    while isinstance(response, GzipDecoder):
        response = response.original
        layers += 1
    encodings = _encodings(response.headers) + ["gzip"] * layers
    if not encodings:
        return Encoded(response, Plain())
    if len(encodings) == 1 and encodings[0] in _GZIP:
        return Encoded(response, Unzipped())
    encoding = ", ".join(encodings)
    raise UnexpectedContentEncoding(
        f"The response is encoded with {encoding[:100]}, and only gzip can be decoded.", encoding
    )


def _encodings(headers: Headers) -> list[str]:
    # A header may be any bytes; Headers raises for text that is not UTF-8.
    values = headers.getRawHeaders(b"Content-Encoding") or []
    names = [name.strip().lower() for name in b",".join(values).split(b",")]
    return [repr(name)[2:-1] for name in names if name not in (b"", b"identity")]
