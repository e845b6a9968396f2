"""
The service of a hub: starts it with an application, and drains it when that stops.
"""

from __future__ import annotations

from twisted.application.service import IServiceCollection, Service
from twisted.internet.defer import Deferred

from twisted_sse.broker.lifecycle import Lifecycle
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.units import check_instance, check_seconds

__all__ = ["HubService"]


class HubService(Service):
    """
    Starts and stops a hub with an application.

    A history provider that is an `IService` starts before the hub and stops after
    it.  When the service stops, new subscribers are refused, and every connection
    is sent a reconnection time and ends in good order.  So do the streams that
    generators fill, after the generators have been told.

    Args:
        grace: How long slow readers and generators may take at the end, in
            seconds.  The default leaves time for the rest of the stop before a
            container is killed, usually after 10 seconds.

        spread: The window over which reconnection times are spread, in seconds.

        farewell: The last event of every connection.

    Attributes:
        grace, spread, farewell: They may be changed until the service stops.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        *,
        grace: float = 8.0,
        spread: float = 10.0,
        farewell: ServerSentEvent | None = None,
    ) -> None:
        check_seconds("grace", grace, zero=True)
        check_seconds("spread", spread, zero=True)
        if farewell is not None:
            check_instance("farewell", farewell, ServerSentEvent, "ServerSentEvent('bye')")
        self._lifecycle = lifecycle
        self.grace = grace
        self.spread = spread
        self.farewell = farewell

    def setServiceParent(self, parent: IServiceCollection) -> None:
        """
        See `IService.setServiceParent`.
        """
        super().setServiceParent(parent)
        self._lifecycle.managed = True

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        self._lifecycle.start()

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.
        """
        super().stopService()
        return self._lifecycle.stop(self.grace, self.spread, self.farewell)
