"""
A hub's site behind real sockets, with its door open or shut; nothing waits.

Time passes when a test advances the clock.  What two such sites answer can be compared:
what differs from one to the next, such as dates and IDs, is masked.
"""

import re
from collections.abc import Sequence
from typing import Any

from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource

from tests.support.wires import FDClock, Wire
from twisted_sse.broker.connections.endlog import ACCESS_LOGGER
from twisted_sse.hub import Hub
from twisted_sse.server.site import HubSite, hub_tree
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.cors import CORS

__all__ = ["TOKEN", "DoorServed", "masked"]

TOKEN = "secret-of-the-publishers"

_MASKS = (
    (re.compile(rb"Date: [^\r]*"), b"Date: D"),
    (re.compile(rb"[0-9a-f]{8}-([0-9]+)"), rb"E-\1"),
    (re.compile(rb'"connection":"[^"]*"'), b'"connection":"C"'),
)

# The size of a chunk, as long as its content is masked.
_SIZE = re.compile(rb"(?<=\r\n)[0-9a-f]+(?=\r\n)")


def masked(data: bytes) -> bytes:
    """
    *data* without what differs from one hub to the next.
    """
    for pattern, replacement in _MASKS:
        data = pattern.sub(replacement, data)
    return data


class DoorServed:
    """
    A hub, and the site that ``twistd sse`` serves with it.

    Args:
        test: Closes its connections at its end.

        door: Whether the site has its door open.

        root: Served instead of the hub's tree.

        options: Arguments of `HubSite`.
    """

    def __init__(
        self,
        test: SynchronousTestCase,
        *,
        door: bool,
        root: IResource | None = None,
        cors: CORS | None = None,
        hub: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self._test = test
        self.clock = FDClock()
        self.hub = Hub(reactor=self.clock, **(hub or {}))
        tree = hub_tree(
            self.hub.broker,
            authorize=BearerTokens([TOKEN]),
            cors=cors or CORS(),
            max_topics=3,
            max_body=1000,
        )
        self.site = HubSite(
            tree if root is None else root,
            1000,
            access_log=True,
            reactor=self.clock,
            door=door,
            refusals=self.hub.broker.refusals,
            **options,
        )
        self.lines: list[str] = []
        globalLogPublisher.addObserver(self._note)
        test.addCleanup(globalLogPublisher.removeObserver, self._note)

    def connect(self, *, small: bool = False) -> Wire:
        """
        Connect to the site.
        """
        wire = Wire(self.clock, self.site.buildProtocol(None), small=small)
        self._test.addCleanup(wire.close)
        return wire

    def ask(self, *parts: bytes) -> Wire:
        """
        Send *parts* over a connection of their own, one after the other.
        """
        wire = self.connect()
        self.send(wire, parts)
        return wire

    def send(self, wire: Wire, parts: Sequence[bytes]) -> None:
        """
        Send *parts* over *wire*, and let the site answer each.
        """
        for part in parts:
            if wire.transport.connected:
                wire.send(part)
            self.settle(wire)

    def settle(self, wire: Wire) -> None:
        """
        Let everything happen that can without time.
        """
        for _ in range(4):
            self.clock.turn()
            if wire.transport.connected:
                wire.read()

    def publish(self, data: str, topic: str = "a") -> None:
        """
        Publish through the hub object.
        """
        self.hub.publish(topic, data)
        self.clock.advance(0)

    def _note(self, event: LogEvent) -> None:
        if event.get("log_namespace") == ACCESS_LOGGER:
            self.lines.append(formatEvent(event))
        elif "log_failure" in event:
            self.lines.append(f"failure: {event['log_failure'].getErrorMessage()}")
