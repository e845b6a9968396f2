"""
The headers of a request that was read whole, of which most are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twisted.web.http_headers import Headers

__all__ = ["LazyHeaders"]


class LazyHeaders(Headers):
    """
    Headers that are copied into Twisted's form when that is needed: to change them, and to
    list them.  To look one up needs no copy (benchmarks, memory: accept).

    camelCase methods are those of `twisted.web.http_headers.Headers`.

    Args:
        given: The values by their names in lower case; ASCII.
    """

    __slots__ = ("_given",)

    def __init__(self, given: Mapping[bytes, bytes]) -> None:
        super().__init__()
        self._given: Mapping[bytes, bytes] | None = given

    def getRawHeaders(self, name: Any, default: Any = None) -> Any:
        """
        See `Headers.getRawHeaders`.
        """
        if self._given is not None and type(name) is bytes:
            value = self._given.get(name.lower())
            return default if value is None else [value]
        self._copy()
        return super().getRawHeaders(name, default)

    def hasHeader(self, name: Any) -> bool:
        """
        See `Headers.hasHeader`.
        """
        if self._given is not None and type(name) is bytes:
            return name.lower() in self._given
        self._copy()
        return super().hasHeader(name)

    def getAllRawHeaders(self) -> Iterator[tuple[bytes, Sequence[bytes]]]:
        """
        See `Headers.getAllRawHeaders`.
        """
        self._copy()
        return super().getAllRawHeaders()

    def setRawHeaders(self, name: Any, values: Any) -> None:
        """
        See `Headers.setRawHeaders`.
        """
        self._copy()
        super().setRawHeaders(name, values)

    def addRawHeader(self, name: Any, value: Any) -> None:
        """
        See `Headers.addRawHeader`.
        """
        self._copy()
        super().addRawHeader(name, value)

    def removeHeader(self, name: Any) -> None:
        """
        See `Headers.removeHeader`.
        """
        self._copy()
        super().removeHeader(name)

    def copy(self) -> Headers:
        """
        See `Headers.copy`: a copy is of Twisted's own kind.
        """
        return Headers(dict(self.getAllRawHeaders()))

    def __repr__(self) -> str:
        return repr(self.copy())

    def __cmp__(self, other: object) -> Any:
        self._copy()
        if isinstance(other, LazyHeaders):
            other._copy()
        return super().__cmp__(other)

    def _copy(self) -> None:
        given, self._given = self._given, None
        if given is not None:
            for name, value in given.items():
                super().addRawHeader(name, value)
