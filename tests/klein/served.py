"""
A Klein app in memory, with a hub on the same clock.
"""

from __future__ import annotations

from collections.abc import Mapping

import klein
from twisted.internet.task import Clock

from tests.support.http import Answer, Caller, call
from twisted_sse import Hub
from twisted_sse.transport.http.site import StreamSite

__all__ = ["Served"]


class Served:
    """
    Serves *app*.

    Attributes:
        app: Add routes to it.

        hub: Pass it to the routes, so that their streams use its clock.
    """

    def __init__(self, app: klein.Klein | None = None) -> None:
        self.clock = Clock()
        self.hub = Hub(reactor=self.clock)
        self.app = klein.Klein() if app is None else app

    def call(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Caller:
        """
        Send a request over a network connection of its own, and run what is due.
        """
        site = StreamSite(self.app.resource(), reactor=self.clock)
        caller = call(site, method, target, headers or {}, body)
        self.clock.advance(0)
        return caller

    def get(self, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        """
        Send a ``GET``, and return what has arrived of the answer.
        """
        return self.call("GET", target, headers).answer
