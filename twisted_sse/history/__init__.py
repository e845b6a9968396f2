"""
History providers: they keep publications for subscribers that come back.

A provider imports nothing of the hub, so any of them can be replaced by one of
your own; see `twisted_sse.interfaces.IHistoryProvider`.
"""

from twisted_sse.events.holdings import Holdings, StoredPage, StoredPosition, StoredRecord
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.events.runrecord import RunBegun, RunKey, RunRecord, beginning
from twisted_sse.history.memory import MemoryHistory
from twisted_sse.history.sqlite import SQLiteHistory
from twisted_sse.topics import Selection

__all__ = [
    "Holdings",
    "MemoryHistory",
    "Position",
    "Publication",
    "Record",
    "RunBegun",
    "RunKey",
    "RunRecord",
    "SQLiteHistory",
    "Selection",
    "StoredPage",
    "StoredPosition",
    "StoredRecord",
    "Tail",
    "beginning",
]
