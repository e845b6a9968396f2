"""
History providers: where publications are kept for those who come back.
"""

from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.history.memory import MemoryHistory
from twisted_sse.history.sqlite import SQLiteHistory
from twisted_sse.topics import Selection

__all__ = [
    "MemoryHistory",
    "Position",
    "Publication",
    "Record",
    "SQLiteHistory",
    "Selection",
    "Tail",
]
