"""
Connections to a hub without HTTP, and what they receive.
"""

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from tests.support.sinks import MemorySink
from twisted_sse import Hub
from twisted_sse.broker import subscriber as subscribers
from twisted_sse.broker.audiences.representation import representation_for
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.broker.connections.reauthorization import Reauthorize
from twisted_sse.broker.presence.presence import PresenceWish
from twisted_sse.events.envelope import TopicEnvelope
from twisted_sse.events.preamble import StreamStart, first_frames
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.topics import Selection

__all__ = ["ADDRESS", "Subscriber", "make_hub"]

ADDRESS = IPv4Address("TCP", "192.0.2.1", 50000)


def make_hub(history: IHistoryProvider | None = None, **options: object) -> tuple[Hub, Clock]:
    """
    A hub with its own clock; keepalive is off by default.
    """
    clock = Clock()
    options.setdefault("keepalive", None)
    return Hub(history, reactor=clock, **options), clock  # type: ignore[arg-type]


class Subscriber:
    """
    A subscriber with an open stream, admitted as `twisted_sse.web.stream` does it.

    Attributes:
        start: Where the stream began; None until that is known.
    """

    def __init__(
        self,
        hub: Hub,
        *topics: str,
        last_event_id: str | None = None,
        grant: Grant = ANONYMOUS,
        sink: MemorySink | None = None,
        address: IPv4Address = ADDRESS,
        reauthorize: Reauthorize | None = None,
        presence: PresenceWish = None,
        fixed: bool = True,
        envelope: TopicEnvelope | None = None,
        heartbeat: bool = False,
    ) -> None:
        self.hub = hub
        self.sink = MemorySink() if sink is None else sink
        self.start: StreamStart | None = None
        asked = subscribers.Subscriber(
            sink=self.sink,
            selection=Selection.of(topics),
            grant=grant,
            address=address,
            last_event_id=last_event_id,
            reauthorize=reauthorize,
            presence=presence,
            representation=representation_for(envelope, heartbeat=heartbeat),
            fixed=fixed,
        )
        self.connection, self.located = hub.broker.admission.admit(asked, self._begin)

    @property
    def data(self) -> list[str | None]:
        """
        The data of the events received.
        """
        return [event.data for event in self.sink.events]

    @property
    def ids(self) -> list[str | None]:
        """
        The IDs of the events received.
        """
        return [event.id for event in self.sink.events]

    def leave(self) -> None:
        """
        Leave, as when the browser's tab is closed.
        """
        self.connection.end(EndReason.GONE)

    def _begin(self, connection: Connection, start: StreamStart) -> None:
        self.start = start
        self.sink.received += first_frames(start, self.hub.broker.reconnection.next(), "event")
