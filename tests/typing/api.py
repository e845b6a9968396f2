"""
What a type checker says about programs that use the public names.

Read by mypy, and never run: a wrong type here is an error of the build.
"""

from typing import Any, assert_type

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.web.resource import IResource

from twisted_sse import Grant, Hub, IHistoryProvider, MemoryHistory, ServerSentEvent
from twisted_sse.publication import Receipt

__all__ = ["events", "grants", "hubs", "providers"]


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


def grants(grant: Grant) -> None:
    """
    A grant answers whether its holder may publish.
    """
    assert_type(grant.may_publish(["news"]), bool)


def hubs() -> None:
    """
    A hub takes text, JSON values and events, and can be served.
    """
    hub = Hub()

    assert_type(hub.publish("news", "text"), Deferred[Receipt])
    assert_type(hub.publish(["news", "sport"], {"home": 1, "away": 0}), Deferred[Receipt])
    assert_type(hub.publish("news", ServerSentEvent("text")), Deferred[Receipt])
    as_resource: IResource = hub.resource()
    as_service: IService = hub.service()
    print(as_resource, as_service)


def providers() -> None:
    """
    What keeps events in memory is a history provider.
    """
    provider: IHistoryProvider = MemoryHistory()
    print(provider)
