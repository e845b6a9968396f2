"""
A request whose body is limited.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

import tempfile
from io import BytesIO
from typing import Any

from twisted.web.server import Request

__all__ = ["BoundedRequest"]

# A larger body is kept in a temporary file.  Twisted's limit is the same, but it
# makes a file for every body of unknown length too: one descriptor for each HTTP/2
# request that only begins.
_MEMORY_BYTES = 100_000


class BoundedRequest(Request):
    """
    Discards a body that is larger than its site's ``max_body``.

    The channel has such a request answered at once, and does not read the rest.

    Attributes:
        too_large: Whether the body was discarded: answer 413.
    """

    too_large = False
    content: Any

    def gotLength(self, length: int | None) -> None:
        """
        See `twisted.web.http.Request.gotLength`.
        """
        bound = self._bound()
        self.too_large = length is not None and bound is not None and length > bound
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """
        See `twisted.web.http.Request.handleContentChunk`.
        """
        if self.too_large:
            return
        size = self.content.tell() + len(data)
        bound = self._bound()
        if bound is not None and size > bound:
            self._discard()
            return
        if size > _MEMORY_BYTES and type(self.content) is BytesIO:
            self._use_file(bound)
        if not self.too_large:
            self.content.write(data)

    def _use_file(self, bound: int | None) -> None:
        try:
            # Twisted closes it with the request.
            file = tempfile.TemporaryFile()  # noqa: SIM115
        except OSError:
            # No descriptor is left, or no disk.  A bounded body may stay in memory.
            if bound is None:
                self._discard()
            return
        file.write(self.content.getvalue())
        self.content = file

    def _discard(self) -> None:
        self.too_large = True
        self.content.close()
        self.content = BytesIO()

    def _bound(self) -> int | None:
        bound: int | None = getattr(getattr(self.channel, "site", None), "max_body", None)
        return bound
