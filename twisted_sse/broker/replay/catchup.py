"""
From replay to live: brings a connection that is behind to its audience.

Rule: a connection joins its audience in the same turn in which it is found to have
been sent everything up to the audience's live position, and nothing after it.  The
audience sends what follows that position; this module sends what precedes it.  So
nothing is sent twice, missed, or out of order, whatever is published meanwhile.

Missed events come from the window if it covers the connection's position, and
otherwise from history, page by page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.audiences.window import Window
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.measures.measures import Measures
from twisted_sse.broker.replay.backlogs import Backlogs
from twisted_sse.broker.replay.pages import (
    PAGE_EVENTS,
    ReplayCache,
    ReplayPage,
    latest_page,
    page_from_history,
    page_from_window,
    page_key,
)
from twisted_sse.broker.replay.starts import Starts
from twisted_sse.broker.singleflight import SingleFlight
from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.preamble import LOST, OLDEST, ResetReason, reset_frame
from twisted_sse.events.publication import (
    Position,
    PublisherID,
    Record,
)
from twisted_sse.interfaces import (
    ICheckedHistory,
    IHistoryProvider,
)

__all__ = ["Catchup", "FallenBehind"]

#: Continue with the oldest event that is kept, or with the newest event of each topic,
#: or end the stream.
FallenBehind = Literal["resume", "latest", "disconnect"]

# The time until history is asked again after it was unavailable, in seconds.
_RETRY_INTERVAL = 1.0


class Catchup:
    """
    Sends connections what they have missed.

    Args:
        fallen_behind: What happens to a reader that is so slow that history has
            forgotten what comes next.

        measures: Counts replayed pages and gaps, and times reads.

    Attributes:
        starts: Finds where streams start.
    """

    _log = Logger()

    def __init__(
        self,
        window: Window,
        history: IHistoryProvider,
        clock: IReactorTime,
        fallen_behind: FallenBehind,
        measures: Measures | None = None,
    ) -> None:
        self._window = window
        self._history = history
        self._clock = clock
        self._fallen_behind = fallen_behind
        self._measures = Measures() if measures is None else measures
        self._cache = ReplayCache()
        self._reads: SingleFlight[ReplayPage] = SingleFlight()
        self.starts = Starts(window, history, self._read)
        self._backlogs = Backlogs(window, history, self._ask_again_later)
        self._waiting: list[Connection] = []
        self._ahead: list[Connection] = []
        self._generation = 0
        self._retry: IDelayedCall | None = None
        # A history that can be asked also logs when it is unavailable.
        self._logs = ICheckedHistory(history, None) is None
        self._away = False

    def advance(self, connection: Connection) -> bool:
        """
        Send *connection*, which is ready, one page, or make it live.

        Returns:
            Whether it is still behind and can take another page at once.
        """
        if connection.backlog is not None:
            return self._backlogs.advance(connection, connection.backlog)
        audience = connection.audience
        if self._has_caught_up(connection):
            return False
        page = self._cache.get(audience, connection.position)
        recent = self._window.covers(connection.position.number)
        if page is None and recent:
            page = page_from_window(self._window, audience, connection.position)
            self._cache.put(audience, connection.position, page)
        if page is None:
            self._fetch(connection)
            return False
        self._measures.replays["window" if recent else "history"] += 1
        return self._send(connection, page)

    def begin(self, connection: Connection) -> None:
        """
        Make *connection*, which has just been opened, live if it misses nothing, and let it
        wait for its turn otherwise.
        """
        if connection.ready and connection.backlog is None and self._has_caught_up(connection):
            return
        connection.resume()

    def moved_on(self) -> None:
        """
        Resume the connections that were ahead of the window: its head has moved.
        """
        ahead, self._ahead = self._ahead, []
        for connection in ahead:
            connection.resume()

    def restart(self) -> None:
        """
        Forget everything that was read: the window has begun anew.
        """
        self._generation += 1
        self._cache = ReplayCache()
        self._ahead.clear()

    def stop(self) -> None:
        """
        Stop reading history.
        """
        self._waiting.clear()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _send(self, connection: Connection, page: ReplayPage) -> bool:
        if page.payload:
            connection.write(page.payload)
            connection.events_alone += page.events
        connection.position = page.position
        return connection.ready and not self._has_caught_up(connection)

    def _has_caught_up(self, connection: Connection) -> bool:
        """
        Hand *connection*, which is ready, to its audience if it is up to date.
        """
        audience = connection.audience
        number = connection.position.number
        if number > self._window.head.number:
            self._ahead.append(connection)
            return True
        ahead = number - audience.live_position.number
        if ahead == 0:
            connection.caught_up()
        elif ahead > 0:
            audience.expect(connection)
        return ahead >= 0

    def _fetch(self, connection: Connection) -> None:
        connection.reading = True
        audience = connection.audience
        reading = self._read(audience, connection.position)
        reading.addBoth(self._fetched, connection, audience)

    def _fetched(
        self, result: ReplayPage | Failure, connection: Connection, audience: Audience
    ) -> None:
        connection.reading = False
        if connection.audience is not audience or connection.backlog is not None:
            # Its grant or its topics have changed, and what was read is what the old ones cover.
            connection.resume()
            return
        if not connection.ready:
            return
        if isinstance(result, ReplayPage):
            self._note_available()
            self._measures.replays["history"] += 1
            self._send(connection, result)
            connection.resume()
        elif result.check(UnknownEventID):
            self._tell_of_gap(connection)
        else:
            self._ask_again_later(connection, result)

    def _tell_of_gap(self, connection: Connection) -> None:
        lost = connection.position.number == LOST
        if self._fallen_behind == "disconnect" and not lost:
            connection.end(EndReason.FELL_BEHIND)
            return
        audience = connection.audience
        event_id = connection.position.id
        reason = ResetReason.LOST if lost else ResetReason.BEHIND
        self._measures.resets[reason.value] += 1
        frame = reset_frame(reason, None if isinstance(event_id, PublisherID) else event_id)
        page = ReplayPage(audience.framing(frame), OLDEST)
        if self._fallen_behind == "latest":
            page = latest_page(self._window, audience, frame)
        self._send(connection, page)
        connection.resume()

    def _ask_again_later(self, connection: Connection, failure: Failure) -> None:
        if self._logs and not self._away:
            self._log.warn(
                "History is not available; connections that are behind have to wait: {error}",
                error=failure.value,
            )
        self._away = True
        if not self._waiting:
            self._retry = self._clock.callLater(_RETRY_INTERVAL, self._ask_again)
        self._waiting.append(connection)

    def _note_available(self) -> None:
        if self._away:
            self._away = False
            if self._logs:
                self._log.info("History is available again")

    def _ask_again(self) -> None:
        self._retry = None
        waiting, self._waiting = self._waiting, []
        for connection in waiting:
            connection.resume()

    def _read(self, audience: Audience, position: Position) -> Deferred[ReplayPage]:
        """
        Ask history for the page that follows *position*, once for all connections
        that need it.
        """
        page = self._cache.get(audience, position)
        if page is not None:
            return succeed(page)
        return self._reads.call(page_key(audience, position), lambda: self._ask(audience, position))

    def _ask(self, audience: Audience, position: Position) -> Deferred[ReplayPage]:
        asked = self._window.head
        since = None if position == OLDEST else position.id
        selection = audience.interest.wanted
        began = self._clock.seconds()
        records: Deferred[Sequence[Record]] = maybeDeferred(
            self._history.since, since, selection, PAGE_EVENTS
        )
        records.addCallback(self._note_read, began)
        records.addCallback(self._check_generation, self._generation)
        reading = records.addCallback(page_from_history, asked, self._window, audience)
        return reading.addCallback(self._keep, audience, position)

    def _note_read(self, records: Sequence[Record], began: float) -> Sequence[Record]:
        self._measures.reads.observe(self._clock.seconds() - began)
        return records

    def _check_generation(self, records: Sequence[Record], generation: int) -> Sequence[Record]:
        if generation != self._generation:
            raise HistoryUnavailable("History has begun anew; try again.")
        return records

    def _keep(self, page: ReplayPage, audience: Audience, position: Position) -> ReplayPage:
        # What follows OLDEST changes when the oldest event is forgotten.
        if position != OLDEST:
            self._cache.put(audience, position, page)
        return page
