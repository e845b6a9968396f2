"""
The writer of a history that keeps runs: begins them, renews their leases, interrupts them.

Each call is one transaction, as those of `twisted_sse.history.sqlite.store`.  Nothing here
imports Twisted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from twisted_sse.events.publication import Publication, Record
from twisted_sse.events.runrecord import RunBegun, RunKey, RunRecord, beginning
from twisted_sse.history.sqlite.epochs import read_epochs
from twisted_sse.history.sqlite.runs import (
    Lease,
    add_run,
    expired_runs,
    extend_leases,
    find_run,
    forget_runs,
    renew_runs,
)
from twisted_sse.history.sqlite.store import Store
from twisted_sse.history.sqlite.trim import Extent

__all__ = ["RunStore"]


class RunStore(Store):
    """
    A `Store` that keeps runs.
    """

    # When a hub has renewed or interrupted runs last, in seconds.
    _called: float | None = None

    def begin_run(
        self, topic: str, owner: str, lease: float, keep: float, private: bool, now: float
    ) -> RunBegun:
        """
        See `IRunHistory.begin_run`.
        """

        def begin(connection: sqlite3.Connection, extent: Extent) -> tuple[RunBegun, Extent]:
            oldest = self._oldest(connection, now)
            forget_runs(connection, oldest, now)
            epochs = read_epochs(connection)
            known = find_run(connection, epochs, topic, oldest, now)
            if known is not None:
                return RunBegun(known, ()), extent
            records, extent = self._keep(connection, [beginning(topic, private)], now)
            run = RunRecord(RunKey(topic, owner), now, records[0].position, private)
            add_run(connection, run, Lease(lease, keep), now)
            return RunBegun(run, records), extent

        return self._change(begin, now)

    def renew_runs(self, keys: Sequence[RunKey], lease: float, now: float) -> list[RunKey]:
        """
        See `IRunHistory.renew_runs`.
        """
        self._called = now
        if not keys:
            # Nothing is written.
            self.open(now)
            return []
        return self._change(
            lambda connection, extent: (renew_runs(connection, keys, now + lease), extent), now
        )

    def interrupt_runs(self, lease: float, limit: int, now: float) -> list[Record]:
        """
        See `IRunHistory.interrupt_runs`.
        """
        called, self._called = self._called, now

        def interrupt(
            connection: sqlite3.Connection, extent: Extent
        ) -> tuple[list[Record], Extent]:
            forget_runs(connection, self._oldest(connection, now), now)
            if called is None or now - called > lease / 2:
                extend_leases(connection, now + lease)
                return [], extent
            expired = expired_runs(connection, limit, now)
            ends = [Publication.ending(one, "interrupted", private=has) for one, has in expired]
            return self._keep(connection, ends, now) if ends else ([], extent)

        return self._change(interrupt, now)
