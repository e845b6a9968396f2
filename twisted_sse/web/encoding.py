"""
Takes responses out of a content encoding that a wrapper has chosen.

``EncodingResourceWrapper`` gives a request its encoder before the resource is
rendered.  Twisted's gzip encoder has no flush, so it would hold every event of a
stream back, the first one included.
"""

from __future__ import annotations

from typing import Any

from twisted.web.server import Request

__all__ = ["refuse_encoding"]


def refuse_encoding(request: Request) -> None:
    """
    Send the response to *request* as it is written.  Nothing must have been written.
    """
    # There is no public name for it: `Request.process` sets it, `Request.write` uses it.
    private: Any = request
    if getattr(private, "_encoder", None) is not None:
        private._encoder = None
        # The encoder has announced itself.
        request.responseHeaders.removeHeader(b"Content-Encoding")
