"""
The history in PostgreSQL: `PostgresHistory`.
"""

from twisted_sse.history.postgres.history import PostgresHistory

__all__ = ["PostgresHistory"]
