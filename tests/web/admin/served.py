"""
The admin resource of a hub in memory.
"""

from collections.abc import Mapping
from typing import Any

from twisted.internet.address import IPv4Address

from tests.support.http import Answer, Served
from tests.support.hubs import Subscriber
from tests.support.sinks import MemorySink
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.web.admin.processes import OneProcess
from twisted_sse.web.admin.resource import AdminResource
from twisted_sse.web.resource import Authorize

__all__ = ["LOCAL", "ServedAdmin"]

#: The headers of a request to this machine.
LOCAL = {"Host": "localhost:9090"}


class ServedAdmin(Served):
    """
    Serves the admin resource, at the root.

    Args:
        admin: What authorizes requests; by default everybody on this machine is allowed.

        options: Arguments of `Served`.
    """

    def __init__(
        self,
        history: IHistoryProvider | None = None,
        *,
        admin: Authorize | None = None,
        **options: Any,
    ) -> None:
        options.setdefault("keepalive", None)
        super().__init__(history, **options)
        hub = self.hub
        processes = OneProcess(hub.broker, lambda: len(hub.responses), hub.runs)
        self.serve(AdminResource(processes, admin, self.hub))

    def subscribe(
        self,
        *topics: str,
        user: str | None = None,
        host: str = "192.0.2.1",
        sink: MemorySink | None = None,
        last_event_id: str | None = None,
    ) -> Subscriber:
        """
        Open a stream.
        """
        address = IPv4Address("TCP", host, 50000)
        grant = Grant(user, public=True)
        subscriber = Subscriber(
            self.hub,
            *topics,
            grant=grant,
            address=address,
            sink=sink,
            last_event_id=last_event_id,
        )
        self.clock.advance(0)
        return subscriber

    def look(self, target: str, headers: Mapping[str, str] = LOCAL) -> Answer:
        """
        Send a ``GET``, as a program of this machine does.
        """
        return self.get(target, headers)

    def names(self, query: str = "") -> list[str]:
        """
        Return the users of the connections that *query* asks for, in their order.
        """
        return [row["user"] for row in self.look(f"/connections{query}").json["connections"]]
