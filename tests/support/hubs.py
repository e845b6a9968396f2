"""
Connections to a hub without HTTP, and what they receive.
"""

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from tests.support.sinks import MemorySink
from twisted_sse import Hub
from twisted_sse.broker.connections.connection import Connection, EndReason
from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.events.preamble import StreamStart, first_frames
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.topics import Selection

__all__ = ["ADDRESS", "Subscriber", "make_hub"]

ADDRESS = IPv4Address("TCP", "192.0.2.1", 50000)


def make_hub(history: IHistoryProvider | None = None, **options: object) -> tuple[Hub, Clock]:
    """
    A hub on a clock of its own, with keepalive off unless asked for.
    """
    clock = Clock()
    options.setdefault("keepalive", None)
    return Hub(history, reactor=clock, **options), clock  # type: ignore[arg-type]


class Subscriber:
    """
    Somebody who opens a stream, as `twisted_sse.web.stream` does it for a request.

    Attributes:
        start: Where the stream began, once that was found.
    """

    def __init__(
        self,
        hub: Hub,
        *topics: str,
        last_event_id: str | None = None,
        grant: Grant = ANONYMOUS,
        sink: MemorySink | None = None,
        address: IPv4Address = ADDRESS,
    ) -> None:
        self.hub = hub
        self.sink = MemorySink() if sink is None else sink
        self.start: StreamStart | None = None
        interest = grant.interest(Selection.of(topics))
        self.connection: Connection = hub.admit(self.sink, interest, grant.user, address)
        located = hub.locate(self.connection, last_event_id)
        self.located = located.addCallback(self._begin)

    @property
    def data(self) -> list[str | None]:
        """
        The data of the events it has got.
        """
        return [event.data for event in self.sink.events]

    @property
    def ids(self) -> list[str | None]:
        """
        The IDs of the events it has got.
        """
        return [event.id for event in self.sink.events]

    def leave(self) -> None:
        """
        Close the browser's tab.
        """
        self.connection.end(EndReason.GONE)

    def _begin(self, start: StreamStart) -> None:
        if self.connection.ended is None:
            self.start = start
            self.sink.received += first_frames(start, self.hub.retry, "event")
            self.hub.open(self.connection, start)
