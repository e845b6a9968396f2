"""
The headers of a response, most of which are set once and written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from twisted.web.http_headers import Headers

__all__ = ["PlainHeaders", "canonical"]


class PlainHeaders(Headers):
    """
    Headers whose values are checked only for what has to be removed from them: line breaks.

    Everything else than bytes without them is left to Twisted (benchmarks, memory: accept).

    camelCase methods are those of `twisted.web.http_headers.Headers`.
    """

    __slots__ = ("_values",)

    def __init__(self) -> None:
        # Twisted's constructor makes what is not used here.
        self._values: dict[bytes, list[bytes]] = {}

    def setRawHeaders(self, name: Any, values: Any) -> None:
        """
        See `Headers.setRawHeaders`.
        """
        kept = []
        for value in values:
            if type(value) is not bytes or b"\n" in value or b"\r" in value:
                value = _written(value)
            kept.append(value)
        self._values[canonical(name)] = kept

    def addRawHeader(self, name: Any, value: Any) -> None:
        """
        See `Headers.addRawHeader`.
        """
        if type(value) is not bytes or b"\n" in value or b"\r" in value:
            value = _written(value)
        self._values.setdefault(canonical(name), []).append(value)

    def getRawHeaders(self, name: Any, default: Any = None) -> Any:
        """
        See `Headers.getRawHeaders`.
        """
        values = self._values.get(canonical(name))
        if not values:
            return default
        return [one.decode("utf8") for one in values] if isinstance(name, str) else values

    def hasHeader(self, name: Any) -> bool:
        """
        See `Headers.hasHeader`.
        """
        return canonical(name) in self._values

    def removeHeader(self, name: Any) -> None:
        """
        See `Headers.removeHeader`.
        """
        self._values.pop(canonical(name), None)

    def getAllRawHeaders(self) -> Iterator[tuple[bytes, Sequence[bytes]]]:
        """
        See `Headers.getAllRawHeaders`.
        """
        return iter(self._values.items())

    def copy(self) -> Headers:
        """
        See `Headers.copy`: a copy is of Twisted's own kind.
        """
        return Headers(self._values)

    def __repr__(self) -> str:
        return repr(self.copy())

    def __cmp__(self, other: object) -> Any:
        return self.copy().__cmp__(other.copy() if isinstance(other, PlainHeaders) else other)


@lru_cache(maxsize=256)
def canonical(name: bytes | str) -> bytes:
    """
    The name as Twisted writes it.
    """
    headers = Headers()
    headers.setRawHeaders(name, [])
    ((canonical, _),) = headers.getAllRawHeaders()
    return canonical


def _written(value: bytes | str) -> bytes:
    """
    The value as Twisted writes it.
    """
    headers = Headers()
    headers.addRawHeader(b"X", value)
    ((_, (written,)),) = headers.getAllRawHeaders()
    return written
