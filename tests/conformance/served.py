"""
Serves streams to a browser: each once, and then a probe of the browser's last event ID.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import Request
from twisted.web.static import File

__all__ = ["PROBE", "Return", "Streams", "page"]

#: The type of the event that is sent after a reconnection.  It has no ID, so its page reads the
#: exact last event ID.  The header is not exact: RFC 9110, "A field value does not include
#: leading or trailing whitespace".
PROBE = "probe-of-the-conformance-test"

HERE = Path(__file__).parent


class Return(NamedTuple):
    """
    The reconnection of a browser.

    Attributes:
        after: The time since its stream was sent, in seconds.

        header: Its ``Last-Event-ID``, or ``None``.
    """

    after: float
    header: str | None


class Streams(Resource):
    """
    Serves stream n as ``/n``.

    Attributes:
        returns: The reconnections, by the number of the stream.
    """

    isLeaf = True

    def __init__(self, contents: Sequence[bytes], clock: IReactorTime) -> None:
        super().__init__()
        self.returns: dict[int, Return] = {}
        self._contents = contents
        self._clock = clock
        self._sent: dict[int, float] = {}

    def render_GET(self, request: Request) -> bytes:
        """
        Send the stream to the first request, and the probe to later ones.
        """
        assert request.postpath is not None
        number = int(request.postpath[0])
        request.setHeader(b"content-type", b"text/event-stream")
        request.setHeader(b"cache-control", b"no-store")
        if number not in self._sent:
            self._sent[number] = self._clock.seconds()
            return self._contents[number]
        values = request.requestHeaders.getRawHeaders(b"last-event-id")
        header = values[0].decode("utf-8", "backslashreplace") if values else None
        after = self._clock.seconds() - self._sent[number]
        self.returns.setdefault(number, Return(after, header))
        return f"event: {PROBE}\ndata\n\n".encode()


def page(streams: Streams) -> Resource:
    """
    Make the page that opens the streams, with the streams below it.
    """
    root = Resource()
    root.putChild(b"page.html", File(str(HERE / "page.html")))
    root.putChild(b"page.js", File(str(HERE / "page.js"), "text/javascript"))
    root.putChild(b"streams", streams)
    return root
