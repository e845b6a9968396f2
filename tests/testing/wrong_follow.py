"""
Mistakes of `follow`.
"""

from dataclasses import replace
from typing import Any

from twisted.application.service import Service

from tests.testing.wrong import Wrong, breaks
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Record

__all__: list[str] = []


class _Delivers(Wrong):
    """
    Delivers other batches.
    """

    def delivers(self, batch: list[Record], deliver: Any) -> None:
        """
        Deliver something instead of *batch*.
        """
        raise NotImplementedError

    def follow(self, after: Any, deliver: Any, restart: Any) -> None:
        super().follow(after, lambda batch: self.delivers(list(batch), deliver), restart)


@breaks("test_follow", "test_follow_after", "test_follow_from_empty", "test_follow_shapes")
class _OwnOnly(_Delivers):
    """
    Delivers only its own publications.
    """

    appending = False

    def append(self, publications: Any) -> Any:
        self.appending = True
        records = super().append(publications)
        self.appending = False
        return records

    def delivers(self, batch: list[Record], deliver: Any) -> None:
        if self.appending:
            deliver(batch)


@breaks("test_follow")
class _OthersOnly(_OwnOnly):
    """
    Delivers only the publications of other hubs.
    """

    def delivers(self, batch: list[Record], deliver: Any) -> None:
        if not self.appending:
            deliver(batch)


@breaks("test_follow", "test_follow_after", "test_follow_batches")
class _Repeats(_Delivers):
    """
    Delivers the last record of a batch again with the next.
    """

    last: tuple[Record, ...] = ()

    def delivers(self, batch: list[Record], deliver: Any) -> None:
        deliver([*self.last, *batch])
        self.last = (batch[-1],)


@breaks("test_follow_batches")
class _Nothing(_Delivers):
    """
    Also delivers empty batches.
    """

    def delivers(self, batch: list[Record], deliver: Any) -> None:
        deliver(batch)
        deliver([])


@breaks("test_follow_batches")
class _SmallBatches(_Delivers):
    """
    Delivers at most 512 records of a batch, and leaves out the others.
    """

    def delivers(self, batch: list[Record], deliver: Any) -> None:
        deliver(batch[:512])


@breaks("test_follow_shapes")
class _DataOnly(_Delivers):
    """
    Delivers only the data of events.
    """

    def delivers(self, batch: list[Record], deliver: Any) -> None:
        deliver([record._replace(publication=self._bare(record.publication)) for record in batch])

    def _bare(self, publication: Any) -> Any:
        return replace(publication, event=ServerSentEvent(publication.event.data))


@breaks("test_follow_after", "test_follow_from_empty")
class _FromNow(Wrong):
    """
    Delivers only records appended after the call of `follow`.
    """

    def follow(self, after: Any, deliver: Any, restart: Any) -> None:
        super().follow(self.store.memory.tail(1).newest, deliver, restart)


@breaks("test_follow_after")
class _FromOldest(Wrong):
    """
    Delivers everything that is kept.
    """

    def follow(self, after: Any, deliver: Any, restart: Any) -> None:
        super().follow(Position(0, "x"), deliver, restart)


@breaks("test_follow_after_interruption")
class _SkipsInterruption(_Delivers):
    """
    Leaves out the first batch after an interruption.
    """

    was_away = False

    def append(self, publications: Any) -> Any:
        self.was_away = self.was_away or self.store.away
        return super().append(publications)

    def delivers(self, batch: list[Record], deliver: Any) -> None:
        if not self.was_away:
            deliver(batch)
        self.was_away = False


@breaks("test_follow_after_interruption")
class _RestartsOften(Wrong):
    """
    Restarts after every interruption, although it could continue.
    """

    was_away = False

    def tail(self, limit: int) -> Any:
        end = super().tail(limit)
        if self.was_away:
            self.was_away = False
            self.lose()
        return end

    def append(self, publications: Any) -> Any:
        self.was_away = self.was_away or self.store.away
        return super().append(publications)


@breaks("test_follow_what_is_forgotten")
class _SilentGap(Wrong):
    """
    Continues with the oldest record that is kept, without a restart.
    """

    def follow(self, after: Any, deliver: Any, restart: Any) -> None:
        super().follow(after, deliver, lambda end: deliver(end.kept))


@breaks("test_follow_what_is_forgotten")
class _NeverAgain(Wrong):
    """
    Delivers nothing more when it cannot continue.
    """

    def follow(self, after: Any, deliver: Any, restart: Any) -> None:
        super().follow(after, deliver, lambda end: None)


@breaks("test_follow_ends")
class _GoesOn(Wrong):
    """
    Delivers after it is stopped.
    """

    def stopService(self) -> None:
        Service.stopService(self)

    def follow(self, after: Any, deliver: Any, restart: Any) -> None:
        before = self._following
        if before is not None:
            first, deliver_now = before.deliver, deliver

            def deliver(batch: Any) -> None:
                first(batch)
                deliver_now(batch)

        super().follow(after, deliver, restart)
