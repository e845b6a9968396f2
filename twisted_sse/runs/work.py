"""
The owner's side of a run: one source, read at its own pace, whoever reads the run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.broker import Broker
from twisted_sse.errors import HubClosed, RunLost, TopicEnded
from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.events.runrecord import RunRecord
from twisted_sse.runs.settings import RunSettings
from twisted_sse.runs.writer import RunWriter
from twisted_sse.web.generators.items import ItemConverter
from twisted_sse.web.generators.notices import explain_asyncio
from twisted_sse.web.generators.pump import Pump
from twisted_sse.web.generators.writer import StreamWriter

__all__ = ["RunWork"]


class RunWork:
    """
    Reads a source and publishes what it yields, until it ends or is stopped.

    Args:
        run: The run, which this process owns.

        items: Makes events of what is yielded.

        ended: Called once, when the source is closed and history has the end, or nothing
            can be published any more.

    Attributes:
        run: As it was given.

        user: Who has begun the run.
    """

    _log = Logger()

    def __init__(
        self,
        broker: Broker,
        run: RunRecord,
        user: str | None,
        iterator: Iterator[Any] | AsyncIterator[Any],
        items: ItemConverter,
        settings: RunSettings,
        ended: Callable[[RunWork], None],
    ) -> None:
        self.run = run
        self.user = user
        self._broker = broker
        self._items = items
        self._max_bytes = settings.max_bytes
        self._ended = ended
        self._outcome: Outcome | None = None
        self._over = False
        self._waiting: list[Deferred[None]] = []
        self._writer = RunWriter(
            broker, run.key.topic, self._publication, run.start.id, settings.flush, self._lose
        )
        # It is handed events instead of frames, and hands them to a writer of events.
        frame_of = cast(Callable[[Any, object], bytes | None], self._event_of)
        writer = cast(StreamWriter, self._writer)
        self._pump = Pump(iterator, writer, broker.clock, frame_of)

    @property
    def events(self) -> int:
        """
        How many events the source has yielded.
        """
        return self._writer.events

    @property
    def bytes(self) -> int:
        """
        How many bytes these have.
        """
        return self._writer.size

    def start(self) -> None:
        """
        Read the source.
        """
        self._pump.start().addCallbacks(self._finished, self._failed)

    def stop(self, outcome: Outcome) -> Deferred[None]:
        """
        Cancel the source at its await, and end the run with *outcome*, unless it has ended.

        Returns:
            Fires when the source is closed, and history has the end.
        """
        stopped: Deferred[None] = Deferred()
        if self._over:
            stopped.callback(None)
            return stopped
        self._waiting.append(stopped)
        if self._outcome is None:
            self._outcome = outcome
            self._pump.cancel()
        return stopped

    def end(self, outcome: Outcome) -> None:
        """
        Note that the topic of the run has ended with *outcome*, perhaps by another process:
        nothing more can be published.
        """
        if self._outcome is None:
            self._outcome = outcome
            self._pump.cancel()
        self._writer.close()

    def _publication(self, event: ServerSentEvent) -> Publication:
        key, private = self.run.key, self.run.private
        made = Publication.of(key.topic, event, private=private)
        # dataclasses.replace takes as long as all of the rest.
        return Publication(made.topics, made.event, private, owner=key.owner)

    def _event_of(self, item: Any, source: object) -> ServerSentEvent | None:
        if self._max_bytes is not None and self._writer.size > self._max_bytes:
            raise ValueError(f"The run has more than the {self._max_bytes} bytes of max_bytes")
        return None if item is None else self._items.event_of(item, source)

    def _lose(self, error: BaseException) -> None:
        if not isinstance(error, RunLost | TopicEnded | HubClosed):
            failure = Failure(error)
            self._log.failure("A run can publish no more", failure)
        if self._outcome is None:
            self._outcome = "interrupted"
            self._pump.cancel()

    def _finished(self, _: object) -> None:
        if self._outcome is None:
            self._outcome = "done"
        self._finish()

    def _failed(self, failure: Failure) -> None:
        if self._outcome is None:
            self._outcome = "failed"
            # Not the topic, which may be private.
            self._log.failure(
                "The source of the run that began with the event {id} failed",
                failure,
                id=self.run.start.id,
            )
            explain_asyncio(failure.value)
        self._finish()

    def _finish(self) -> None:
        assert self._outcome is not None
        key = self.run.key
        last = Publication.ending(key.topic, self._outcome, private=self.run.private)
        finishing = Deferred.fromCoroutine(self._writer.finish(replace(last, owner=key.owner)))
        finishing.addErrback(lambda failure: self._log.failure("A run could not be ended", failure))
        finishing.addCallback(self._release)

    def _release(self, _: object) -> None:
        self._over = True
        self._ended(self)
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(None)
