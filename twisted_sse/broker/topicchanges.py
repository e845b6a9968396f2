"""
Changes the topics of open streams.

The stream goes on at its position: up to there it has been sent what its old topics
have, and from there on it is sent what its new topics have.  In between comes the
backlog of the added topics, if its subscriber names a position to have them from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_sse.broker.audiences.index import AudienceIndex
from twisted_sse.broker.audiences.window import Window
from twisted_sse.broker.connections.backlog import Backlog, SentTopics
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.grant import may_read_any
from twisted_sse.broker.connections.registry import Registry
from twisted_sse.errors import HistoryUnavailable, InvalidSelector
from twisted_sse.events.codec import encode
from twisted_sse.events.control import TOPICS
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.preamble import OLDEST, UNLOCATED, StreamStart
from twisted_sse.events.publication import Position, PublisherID
from twisted_sse.topics import Interest, Matcher, Selection

__all__ = ["ChangeRefusal", "ChangeRefused", "TopicChange", "TopicChanges", "TopicRequest"]

#: Why topics are not changed: the request is wrong, it is not allowed, its position is
#: not known, or it has to come later.
ChangeRefusal = Literal["invalid", "forbidden", "unknown", "later"]

Find = Callable[[Connection, str | None], "Deferred[StreamStart]"]


class ChangeRefused(Exception):
    """
    Topics that are not changed.

    Args:
        refusal: Why.

        detail: A sentence that says what to do.
    """

    def __init__(self, refusal: ChangeRefusal, detail: str) -> None:
        super().__init__(detail)
        self.refusal = refusal
        self.detail = detail


class TopicRequest(NamedTuple):
    """
    What a subscriber asks for.  All of it is sent by the client, so trust nothing about it.

    Attributes:
        add, remove: Selectors; a str may be of any kind but a URL Pattern.

        last_event_id: The added topics are wanted from here on; ``None`` if only from
            now on.

        max_topics: The most topics of one stream; ``None`` for no limit.

        repeat: Whether the backlog also has what the stream has been sent before.
    """

    add: tuple[str | Matcher, ...]
    remove: tuple[str | Matcher, ...]
    last_event_id: str | None
    max_topics: int | None
    repeat: bool = False

    def parse(self) -> TopicChange:
        """
        Parse the selectors.

        Raises:
            ChangeRefused: They cannot be parsed.
        """
        if not (self.add or self.remove):
            raise ChangeRefused("invalid", "Say which topics to add, or to remove.")
        limit = self.max_topics
        if limit is not None and max(len(self.add), len(self.remove)) > limit:
            raise ChangeRefused("invalid", f"At most {limit} topics are allowed in one stream.")
        try:
            add, remove = (Selection.requested(one) if one else None for one in self[:2])
        except InvalidSelector as error:
            raise ChangeRefused("invalid", str(error)) from None
        return TopicChange(add, remove, self.last_event_id, limit, self.repeat)


class TopicChange(NamedTuple):
    """
    A `TopicRequest` that has been parsed.

    Attributes:
        add: The topics to add; ``None`` if there are none.

        remove: The topics to remove, before others are added.

        last_event_id, max_topics, repeat: As in the request.
    """

    add: Selection | None
    remove: Selection | None
    last_event_id: str | None
    max_topics: int | None
    repeat: bool


class TopicChanges:
    """
    Args:
        registry: Has the connections.

        find: Finds the position of an event.

        changed: Told of each connection that has other topics.
    """

    def __init__(
        self,
        registry: Registry,
        window: Window,
        audiences: AudienceIndex,
        find: Find,
        changed: Callable[[Connection], None],
        clock: IReactorTime,
    ) -> None:
        self._registry = registry
        self._window = window
        self._audiences = audiences
        self._find = find
        self._changed = changed
        self._clock = clock

    async def change(self, name: str, user: str | None, request: TopicRequest) -> Selection | None:
        """
        Change the topics of the connection *name*.

        Args:
            user: Who asks: the connection must be of the same user.

        Returns:
            Its topics, which count from now on; the stream tells when its reader gets
            them.  ``None`` if there is no such connection here.

        Raises:
            ChangeRefused, HistoryUnavailable: Nothing was changed.
        """
        connection = self._registry.named(name)
        if connection is None:
            return None
        if connection.user != user:
            raise ChangeRefused(
                "forbidden", "This stream belongs to somebody else: send the same credentials."
            )
        return await self._change(connection, request.parse())

    async def _change(self, connection: Connection, change: TopicChange) -> Selection:
        start = None
        _check(connection, change)
        if change.last_event_id is not None:
            start = await self._find(connection, change.last_event_id)
            if start.asked is not None:
                raise ChangeRefused(
                    "unknown",
                    f"No event {change.last_event_id!r} is kept: load the state of the added"
                    " topics again, and name a newer event, or leave the position out.",
                )
        while True:
            topics = _check(connection, change)
            if connection.detach():
                break
            # Its audience is being written to.
            await deferLater(self._clock, 0)
        try:
            self._apply(connection, change, topics, start)
        except Exception:
            connection.resume()
            raise
        return topics

    def _apply(
        self,
        connection: Connection,
        change: TopicChange,
        topics: Selection,
        start: StreamStart | None,
    ) -> None:
        before, goal = connection.audience, connection.position
        added = change.add
        if added is not None and not change.repeat:
            added = added.without(before.interest.wanted)
        begin = None if added is None or start is None else self._begin(start.position, goal)
        if goal == UNLOCATED:
            raise HistoryUnavailable("The stream has not begun, because history is unavailable.")
        if connection.sent is None:
            connection.sent = SentTopics(connection.began)
        connection.sent.changed(before.interest, goal.number)
        interest = Interest(topics, before.interest.readable, before.interest.public)
        connection.backlog = Backlog(
            None if begin is None else added,
            SentTopics(goal.number) if change.repeat else connection.sent,
            goal if begin is None else begin,
            goal,
            b"" if begin is None else encode(_told(topics, complete=False)),
            encode(_told(topics, self._shown_id(interest, goal), complete=True)),
        )
        representation = before.representation.within(interest)
        connection.attach(self._audiences.enter(interest, representation, before.framing))
        self._audiences.exit(before)
        self._changed(connection)

    def _begin(self, asked: Position, goal: Position) -> Position | None:
        """
        The position that the backlog begins after; ``None`` if that is where it ends.
        """
        if asked.id == goal.id:
            return None
        # Outside of the window the order of two positions may not be known.
        if not self._window.covers(goal.number) or asked.number > goal.number:
            raise ChangeRefused(
                "later",
                "The stream has not been sent everything up to this position: try again.",
            )
        return asked

    def _shown_id(self, interest: Interest, position: Position) -> str | None:
        """
        The newest ID up to *position* that the subscriber may be shown.
        """
        if position.number < 0 and position != OLDEST:
            return None
        if not isinstance(position.id, PublisherID):
            return position.id or None
        return self._window.shown_id(interest.may_read, position.number) or None


def _check(connection: Connection, change: TopicChange) -> Selection:
    """
    Return the topics of *connection* after *change*.
    """
    if connection.ended is not None:
        raise ChangeRefused("later", "This stream has ended: open another one.")
    if connection.fixed:
        raise ChangeRefused("forbidden", "The topics of this stream are fixed.")
    if connection.backlog is not None:
        raise ChangeRefused(
            "later", "The stream is still being sent the last change of its topics: try again."
        )
    interest = connection.audience.interest
    if change.add is not None and not may_read_any(interest.public, interest.readable, change.add):
        raise ChangeRefused(
            "forbidden", "The authorization of this stream does not allow reading these topics."
        )
    try:
        topics = interest.wanted.changed(change.add, change.remove)
    except InvalidSelector as error:
        raise ChangeRefused("invalid", str(error)) from None
    if topics is None:
        raise ChangeRefused("invalid", "No topic would be left: close the stream instead.")
    if change.max_topics is not None and len(topics) > change.max_topics:
        raise ChangeRefused(
            "invalid",
            f"At most {change.max_topics} topics are allowed in one stream, not {len(topics)}.",
        )
    return topics


def _told(topics: Selection, id: str | None = None, *, complete: bool) -> ServerSentEvent:
    data = {"topics": list(topics), "complete": complete}
    return ServerSentEvent.json(data, event=TOPICS, id=id)
