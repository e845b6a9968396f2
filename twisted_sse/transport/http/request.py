"""
A request whose body is limited.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

import tempfile
from io import BytesIO
from typing import Any

from twisted.web.server import Request

from twisted_sse.transport.http.bounds import bound_at
from twisted_sse.transport.refusal import refusal

__all__ = ["BoundedRequest"]

# A larger body is kept in a temporary file.  Twisted's limit is the same, but it
# makes a file for every body of unknown length too: one descriptor for each HTTP/2
# request that only begins.
_MEMORY_BYTES = 100_000


class BoundedRequest(Request):
    """
    Discards a body that is larger than its site's ``max_body``, or than the resource
    at its path takes.

    The channel has such a request answered at once, and does not read the rest.

    Attributes:
        too_large: Whether the body was discarded.  A resource with a limit of its own
            answers such a request; no other resource gets it, unless the site's
            ``refuses_large_bodies`` is false.
    """

    too_large = False
    content: Any

    _bound: int | None = None
    # Whether the resource at the path has been asked for its limit, and has one.
    _asked = False
    _resource_answers = False
    # Whether there was no memory or file for the body.
    _no_room = False

    def gotLength(self, length: int | None) -> None:
        """
        See `twisted.web.http.Request.gotLength`.
        """
        self.content = BytesIO()
        channel: Any = self.channel
        # A plain `Site` may have this request factory too.
        self._bound = getattr(channel.site, "max_body", None)
        self.too_large = length is not None and self._exceeds(length)

    def handleContentChunk(self, data: bytes) -> None:
        """
        See `twisted.web.http.Request.handleContentChunk`.
        """
        if self.too_large:
            return
        size = self.content.tell() + len(data)
        if self._exceeds(size):
            self._discard()
            return
        if size > _MEMORY_BYTES and type(self.content) is BytesIO:
            self._use_file()
        if not self.too_large:
            self.content.write(data)

    def process(self) -> None:
        """
        See `twisted.web.http.Request.process`.
        """
        channel: Any = self.channel
        site = channel.site
        proxies = getattr(site, "trusted_proxies", None)
        if proxies is not None:
            self.client = proxies.client_of(self.client, self.requestHeaders)
        if self._no_room:
            self.setHeader(b"Retry-After", b"5")
            self._refuse(503, "The server cannot store this body now: try again in a few seconds.")
        elif self.too_large and self._refuses():
            refusals = getattr(site, "refusals", None)
            if refusals is not None:
                refusals.count("body")
            self._refuse(413, f"The body has more than {self._bound} bytes: send less at once.")
        else:
            super().process()

    def _refuses(self) -> bool:
        """
        Whether the resource at the path must not get the request.
        """
        if not self._asked:
            self._ask_resource()
        channel: Any = self.channel
        site_refuses = getattr(channel.site, "refuses_large_bodies", True)
        return site_refuses and not self._resource_answers

    def _refuse(self, status: int, detail: str) -> None:
        headers, body = refusal(status, detail)
        self.setResponseCode(status)
        for name, value in headers:
            self.setHeader(name, value)
        self.write(body)
        self.finish()

    def _exceeds(self, size: int) -> bool:
        # A small body costs less than to find its resource, which checks it later.
        if size > _MEMORY_BYTES and not self._asked:
            self._ask_resource()
        return self._bound is not None and size > self._bound

    def _use_file(self) -> None:
        try:
            # Twisted closes it with the request.
            file = tempfile.TemporaryFile()  # noqa: SIM115
        except OSError:
            # No descriptor is left, or no disk.  A bounded body may stay in memory.
            if self._bound is None:
                self._no_room = True
                self._discard()
            return
        file.write(self.content.getvalue())
        self.content = file

    def _discard(self) -> None:
        self.too_large = True
        self.content.close()
        self.content = BytesIO()

    def _ask_resource(self) -> None:
        self._asked = True
        channel: Any = self.channel
        # The names of HTTP/1.1 and of HTTP/2, and where Twisted puts it with the body.
        target: Any = getattr(channel, "_path", None) or getattr(channel, "path", self.uri)
        bound = bound_at(channel.site.resource, target)
        if bound is not None:
            self._resource_answers = True
            self._bound = bound if self._bound is None else min(bound, self._bound)
