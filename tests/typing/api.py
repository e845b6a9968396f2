"""
What a type checker says about programs that use the public names.

Read by mypy, and never run: a wrong type here is an error of the build.
"""

from collections.abc import Sequence
from typing import Any, assert_type

from twisted.application.service import IService
from twisted.internet.defer import Deferred, succeed
from twisted.web.resource import IResource
from twisted.web.server import Request
from zope.interface import implementer

from twisted_sse import (
    CORS,
    Forbidden,
    Grant,
    Hub,
    IHistoryProvider,
    MemoryHistory,
    ServerSentEvent,
    Unauthorized,
)
from twisted_sse.connection import Connection
from twisted_sse.publication import Kept, Position, Publication, Receipt, Tail
from twisted_sse.topics import Selection

__all__ = ["events", "grants", "hubs", "providers", "registries", "resources"]


def events() -> None:
    """
    An event has typed fields, and goes to JSON and back.
    """
    event = ServerSentEvent("hello", event="greeting", id="1", retry=3000, comment="a comment")

    assert_type(event.data, str | None)
    assert_type(event.event, str | None)
    assert_type(event.id, str | None)
    assert_type(event.retry, int | None)
    assert_type(event.comment, str | None)
    assert_type(ServerSentEvent.json({"a": 1}, event="numbers"), ServerSentEvent)
    assert_type(event.json(), Any)

    ServerSentEvent(b"bytes")  # type: ignore[arg-type]
    event.data = "changed"  # type: ignore[misc]


def grants() -> None:
    """
    A grant says who asks, and answers what it may.
    """
    grant = Grant("ann", subscribe=["users/ann"], publish=["chat/{room}"], public=True)

    assert_type(grant.user, str | None)
    assert_type(grant.may_publish(["news"]), bool)
    assert_type(grant.may_read(Selection.of(["news"])), bool)

    Grant(subscribe=1)  # type: ignore[arg-type]


def hubs() -> None:
    """
    A hub takes text, JSON values and events, and runs as a service.
    """
    hub = Hub(MemoryHistory(events=10), keepalive=None, retry=1000, fallen_behind="latest")

    assert_type(hub.publish("news", "text"), Deferred[Receipt])
    assert_type(hub.publish(["news", "sport"], {"home": 1}, private=True), Deferred[Receipt])
    assert_type(hub.publish("news", ServerSentEvent("text")), Deferred[Receipt])
    as_service: IService = hub.service(grace=5.0, spread=0.0, farewell=ServerSentEvent("bye"))
    print(as_service)

    Hub(fallen_behind="never")  # type: ignore[arg-type]


def registries(hub: Hub) -> None:
    """
    Connections are counted, iterated, found and ended.
    """
    assert_type(len(hub.connections), int)
    assert_type(hub.connections.of_user("ann"), list[Connection])
    assert_type(hub.connections.of_topic("news"), list[Connection])
    assert_type(hub.disconnect("ann", final=ServerSentEvent("bye")), list[Connection])
    for connection in hub.connections:
        assert_type(connection.user, str | None)
        assert_type(connection.topics, Selection)
        assert_type(connection.since, float)
        assert_type(connection.state, dict[str, Any])
        connection.close(ServerSentEvent("bye"))


def resources(hub: Hub) -> None:
    """
    Resources take a function that authorizes: plain, `Deferred` or coroutine.
    """

    def refuse(request: Request) -> Grant:
        if request.getHeader("Cookie") is None:
            raise Unauthorized("Log in.")
        raise Forbidden("Not you.")

    def later(request: Request) -> Deferred[Grant]:
        return succeed(Grant("ann", public=True))

    async def whenever(request: Request) -> Grant:
        return await later(request)

    cors = CORS(["https://example.com"], credentials=True, max_age=60)
    as_resource: IResource = hub.resource(refuse, cors, ["news"], priming="block", max_topics=5)
    print(as_resource, hub.resource(later), hub.resource(whenever), hub.subscribe("a", "b"))

    hub.resource(authorize=len)  # type: ignore[arg-type]


@implementer(IHistoryProvider)
class _Forgetful:
    """
    Remembers nothing.
    """

    def append(self, publications: Sequence[Publication]) -> Sequence[Kept]:
        """
        See `IHistoryProvider.append`.
        """
        return [Kept(n, str(n), one) for n, one in enumerate(publications)]

    def since(self, last_event_id: str | None, topics: Selection, limit: int) -> Sequence[Kept]:
        """
        See `IHistoryProvider.since`.
        """
        return []

    def tail(self, limit: int) -> Tail:
        """
        See `IHistoryProvider.tail`.
        """
        return Tail(Position(0, "0"), [])


def providers() -> None:
    """
    What keeps events is a history provider.
    """
    provider: IHistoryProvider = MemoryHistory()
    print(provider, Hub(_Forgetful()))
