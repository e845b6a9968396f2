"""
The subscriptions that are active now, and the events that tell when they begin and end.

A subscription counts from the moment its stream has begun until the stream ends.  The
events are published like any others: private, kept by history, sent by every node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from uuid import uuid4

from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.errors import HistoryUnavailable, HubClosed
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.topics import MAX_TOPIC_SIZE, Matcher
from twisted_sse.web.mercure.documents import Subscription, subscription
from twisted_sse.web.mercure.publication import EVENT_TYPE
from twisted_sse.web.mercure.versions import VERSIONS, Version
from twisted_sse.web.problem import Problem
from twisted_sse.web.protocol import Opening

__all__ = ["ActiveSubscriptions"]

# Where the subscriptions of a connection wait until its stream has begun.  The connection
# owns them, so one that ends before that leaves nothing behind.
_WAITING: Final = "mercure.subscriptions"


class ActiveSubscriptions:
    """
    The active subscriptions of one hub.

    Args:
        hub_path: The path of the hub's URL.

        versions: Each event is published once in each of these.
    """

    _log = Logger()

    def __init__(self, broker: Broker, hub_path: str, versions: frozenset[Version]) -> None:
        self._broker = broker
        self._path = hub_path
        self._versions = [one for one in VERSIONS if one in versions]
        self._active: dict[Connection, tuple[Subscription, ...]] = {}
        self._failing = False
        broker.listeners.on_connect(self._begun)
        broker.listeners.on_disconnect(self._ended)

    def __iter__(self) -> Iterator[Subscription]:
        for several in list(self._active.values()):
            yield from several

    def check(self, asked: Iterable[str | Matcher]) -> None:
        """
        Refuse a matcher that no event could tell about.

        Raises:
            Problem: The topic of its events would be too long.
        """
        for one in asked:
            described = subscription(one, _new_subscriber())
            if any(len(described.path(self._path, v)) > MAX_TOPIC_SIZE for v in self._versions):
                raise Problem(
                    400,
                    "A matcher is too long: percent-encoded, it is part of a topic, which may"
                    f" have at most {MAX_TOPIC_SIZE} bytes.",
                )

    def add(self, opening: Opening) -> None:
        """
        Note what a stream that is about to begin subscribes to.
        """
        subscriber = _new_subscriber()
        asked = dict.fromkeys(opening.query.topics)
        opening.connection.state[_WAITING] = tuple(
            subscription(one, subscriber, opening.grant.payload_of(_text(one))) for one in asked
        )

    def _begun(self, connection: Connection) -> None:
        subscriptions = connection.state.pop(_WAITING, None)
        # Other resources of the hub have subscribers too.
        if subscriptions is not None:
            self._active[connection] = subscriptions
            self._publish(subscriptions, active=True)

    def _ended(self, connection: Connection, reason: EndReason) -> None:
        subscriptions = self._active.pop(connection, ())
        if subscriptions and not self._broker.closed:
            self._publish(subscriptions, active=False)

    def _publish(self, subscriptions: Sequence[Subscription], *, active: bool) -> None:
        publications = [
            self._publication(one, version, active)
            for one in subscriptions
            for version in self._versions
        ]
        self._broker.submit(publications).addCallbacks(self._published, self._failed)

    def _publication(self, one: Subscription, version: Version, active: bool) -> Publication:
        event_type = EVENT_TYPE if version == "mercure-1.0" else None
        document = one.document(self._path, version, active=active)
        event = ServerSentEvent.json(document, event=event_type)
        return Publication.of([one.path(self._path, version)], event, private=True)

    def _published(self, published: Any) -> None:
        self._failing = False

    def _failed(self, failure: Failure) -> None:
        if failure.check(HubClosed):
            return
        if not failure.check(HistoryUnavailable):
            self._log.failure("The events of a subscription could not be published", failure)
        elif not self._failing:
            # Once for each outage, and not for every subscriber.
            self._log.warn("History is not available, so subscriptions are not announced")
        self._failing = True


def _new_subscriber() -> str:
    return f"urn:uuid:{uuid4()}"


def _text(asked: str | Matcher) -> str:
    return asked.text if isinstance(asked, Matcher) else asked
