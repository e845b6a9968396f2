"""
The way of records from history to connections: window -> audiences -> fan-out.

Everything that arrives here was kept, in its order.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.interfaces import IReactorTime

from twisted_sse.broker.audiences.index import AudienceIndex
from twisted_sse.broker.audiences.window import Window
from twisted_sse.broker.endings import Endings
from twisted_sse.broker.fanout import Fanout
from twisted_sse.broker.measures.latency import PublishLatency
from twisted_sse.broker.measures.measures import Measures
from twisted_sse.broker.replay.catchup import Catchup, FallenBehind
from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.interfaces import IHistoryProvider

__all__ = ["Distribution"]

# How long a fan-out holds the reactor before others get their turn, in seconds:
# about a thousand connections.  A publisher that waits for each answer needs two
# turns for it, so this also bounds how often it can publish meanwhile.
_BUDGET = 0.003


class Distribution:
    """
    Sends records to the connections of one hub.

    Args:
        fallen_behind: As `twisted_sse.Hub` takes it.

    Attributes:
        window: The newest records.

        audiences: The connections, by what they want.

        catchup: Serves connections that are behind the window's head.

        fanout: Writes to connections.

        endings: Knows which topics have ended.

        latency: Times publications from submission to sinks.
    """

    def __init__(
        self,
        history: IHistoryProvider,
        clock: IReactorTime,
        window: Window,
        fallen_behind: FallenBehind,
        measures: Measures,
    ) -> None:
        self._clock = clock
        self.window = window
        self.audiences = AudienceIndex(window)
        self.catchup = Catchup(window, history, clock, fallen_behind, measures)
        self.fanout = Fanout(clock, _BUDGET, self.catchup.advance, self._swept)
        self.endings = Endings(window, history, self.fanout)
        self.latency = PublishLatency(measures.publish_to_write)

    def deliver(self, records: Sequence[Record]) -> list[int]:
        """
        Send records, and count the connections that get each.
        """
        counts = []
        ended: list[tuple[tuple[str, ...], Outcome]] = []
        for entry in self.window.extend(records):
            count = 0
            outcome = entry.outcome
            if outcome is not None:
                self.endings.note(entry.topics)
                ended.append((entry.topics, outcome))
            for audience in self.audiences.wanting(entry):
                audience.add(entry)
                if outcome is not None:
                    audience.end_topics(entry.topics)
                elif audience.over:
                    audience.resume_topics(entry.topics)
                self.fanout.announce(audience)
                count += audience.size
            counts.append(count)
        self.fanout.flush()
        for topics, outcome in ended:
            self.endings.tell(topics, outcome)
        return counts

    def count(self, publications: Sequence[Publication]) -> list[int]:
        """
        Count the connections that would get each of *publications*.
        """
        wanting = self.audiences.wanting
        return [sum(audience.size for audience in wanting(one)) for one in publications]

    def count_records(self, records: Sequence[Record]) -> list[int]:
        """
        Count the connections that will get each record, without sending it.
        """
        return self.count([record.publication for record in records])

    def is_wanted(self, topics: tuple[str, ...]) -> bool:
        """
        Whether a connection of this hub would get an event of *topics*.
        """
        return bool(self.audiences.wanting(Publication(topics, ServerSentEvent(""))))

    def unsent(self) -> int:
        """
        How many audiences have events that have not been written to all live connections.
        """
        return self.fanout.due

    def restart(self, tail: Tail) -> None:
        """
        Begin anew with *tail*.  No connection may be live meanwhile: the window tells
        where they are.
        """
        self.window.start(tail)
        self.latency.restart()
        self.catchup.restart()
        self.endings.restart()

    def stop(self) -> None:
        """
        Do nothing more.
        """
        self.catchup.stop()
        self.fanout.stop()

    def _swept(self) -> None:
        self.latency.written(self.window.head.number, self._clock.seconds())
