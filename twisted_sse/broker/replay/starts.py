"""
Finds where streams start.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, maybeDeferred, succeed

from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.audiences.representation import PLAIN
from twisted_sse.broker.audiences.window import Window
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.replay.pages import ReplayPage
from twisted_sse.broker.singleflight import SingleFlight
from twisted_sse.errors import UnknownEventID
from twisted_sse.events.preamble import OLDEST, StreamStart
from twisted_sse.events.publication import EARLIEST, Position, Publication
from twisted_sse.interfaces import (
    IHistoryProvider,
    ISearchableHistory,
    ISharedHistoryProvider,
)
from twisted_sse.topics import Interest
from twisted_sse.transport.framing import raw

__all__ = ["Starts"]


class Starts:
    """
    Finds events in the window, and otherwise in history.

    Args:
        read: Asks history for the page of an audience that follows a position.
    """

    def __init__(
        self,
        window: Window,
        history: IHistoryProvider,
        read: Callable[[Audience, Position], Deferred[ReplayPage]],
    ) -> None:
        self._window = window
        self._shared = ISharedHistoryProvider(history, None)
        self._searchable = ISearchableHistory(history, None)
        self._read = read
        self._locates: SingleFlight[Position] = SingleFlight()

    def find(self, connection: Connection, last_event_id: str | None) -> Deferred[StreamStart]:
        """
        Find the position where *connection* begins.

        Args:
            last_event_id: Sent by the client, so trust nothing about it; ``None``
                if the client asks for nothing older.

        Raises:
            HistoryUnavailable: The position cannot be found now.
        """
        known = self.known(connection.audience, last_event_id)
        if known is not None:
            return succeed(known)
        assert last_event_id is not None
        return Deferred.fromCoroutine(self._search(connection, last_event_id))

    def known(self, audience: Audience, last_event_id: str | None) -> StreamStart | None:
        """
        Do what `find` does for a connection of *audience*, as far as the window knows;
        ``None`` if history has to be asked.
        """
        if last_event_id is None:
            return StreamStart(self._window.head)
        if last_event_id == EARLIEST:
            return StreamStart(OLDEST)
        number = self._window.number_of(last_event_id)
        if number is not None:
            return StreamStart(Position(number, last_event_id), resumed=True)
        if self._window.is_hidden(last_event_id, audience.interest.may_read):
            return StreamStart(OLDEST, asked=last_event_id)
        return None

    def shown(self, interest: Interest, last_event_id: str | None) -> StreamStart | None:
        """
        Where a stream with *interest* would start, as its subscriber would be shown it;
        ``None`` if history has to be asked.
        """
        audience = Audience(interest, PLAIN, raw, self._window)
        known = self.known(audience, last_event_id)
        return None if known is None else audience.shown(known)

    async def _search(self, connection: Connection, last_event_id: str) -> StreamStart:
        """
        Find an event that is not in the window.
        """
        unknown = StreamStart(OLDEST, asked=last_event_id)
        if self._searchable is not None:
            record = await maybeDeferred(self._searchable.find, last_event_id)
            may_read = connection.audience.interest.may_read
            if record is not None:
                publication: Publication = record.publication
                # That it exists is not told to those who may not read it.
                if not may_read(publication.topics, publication.private):
                    return unknown
        try:
            position = await self._locate(connection.audience, last_event_id)
        except UnknownEventID:
            return unknown
        return StreamStart(position, resumed=True)

    def _locate(self, audience: Audience, event_id: str) -> Deferred[Position]:
        """
        Ask history for the position of *event_id*.

        A history that is not shared may not know the number.  It does not need to:
        what follows the event is read at once.
        """
        shared = self._shared
        if shared is None:
            position = Position(OLDEST.number, event_id)
            return self._read(audience, position).addCallback(lambda _: position)
        return self._locates.call(event_id, lambda: maybeDeferred(shared.locate, event_id))
