"""
History providers: where publications are kept for those who come back.
"""

from twisted_sse.history.memory import MemoryHistory
from twisted_sse.history.sqlite import SQLiteHistory

__all__ = ["MemoryHistory", "SQLiteHistory"]
