"""
History in a SQLite file.
"""

from twisted_sse.history.sqlite.history import SQLiteHistory

__all__ = ["SQLiteHistory"]
