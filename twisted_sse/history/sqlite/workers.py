"""
The threads of one life of a history, from its start to the next stop.
"""

from __future__ import annotations

from functools import partial
from typing import Literal, NamedTuple, cast

from twisted.internet.interfaces import IReactorFromThreads

from twisted_sse.history.outage import Unreadable
from twisted_sse.history.sqlite.reader import Reader
from twisted_sse.history.sqlite.runstore import RunStore
from twisted_sse.history.sqlite.thread import WorkThread
from twisted_sse.history.sqlite.trim import Bounds

__all__ = ["Workers"]


class Workers(NamedTuple):
    """
    The threads between a start and the next stop, and what they work on.

    Attributes:
        store: Used only in `writer_thread`, except for `Store.epoch` and `Store.extent`.

        reader: Used only in `reader_thread`.
    """

    store: RunStore
    writer_thread: WorkThread
    reader: Reader
    reader_thread: WorkThread

    @classmethod
    def start(
        cls,
        path: str,
        sync: Literal["normal", "full"],
        bounds: Bounds,
        unreadable: Unreadable,
        previous: WorkThread | None,
    ) -> Workers:
        """
        Start the threads.

        Args:
            unreadable: Told of rows that are passed over, in the reactor's thread.

            previous: The last writer, which closes the file first.
        """
        from twisted.internet import reactor

        in_thread = cast(IReactorFromThreads, reactor)
        store = RunStore(path, sync, bounds)
        writer_thread = WorkThread("history writer", in_thread, previous)
        tell = partial(in_thread.callFromThread, unreadable.note)
        reader = Reader(path, store, bounds, tell)
        return cls(store, writer_thread, reader, WorkThread("history reader", in_thread))

    async def end(self) -> None:
        """
        Finish all calls, and close the file.
        """
        # After this, reads that waited for the file to open are with the reader.
        await self.writer_thread.run(lambda: None)
        try:
            await self.reader_thread.run(self.reader.close)
            await self.reader_thread.stop()
            # Closing the last connection empties the write-ahead log.
            await self.writer_thread.run(self.store.close)
        finally:
            await self.writer_thread.stop()
