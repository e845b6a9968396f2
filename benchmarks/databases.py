"""
Database servers of a benchmark's own, which write to the disk before they answer.

They are those of the tests, with the settings of their default installations.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from twisted_sse.history.postgres import PostgresHistory

__all__ = ["history_in", "install", "passing_postgres", "passing_redis"]

_SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
}


@contextmanager
def passing_postgres() -> Iterator[PostgresServer]:
    """
    A PostgreSQL during a `with` block, with the schema ``twisted_sse``.
    """
    server = PostgresServer(**_SETTINGS)
    try:
        install(server, "twisted_sse")
        yield server
    finally:
        server.end()


@contextmanager
def passing_redis() -> Iterator[RedisServer]:
    """
    A Redis during a `with` block, with ``appendfsync always``.
    """
    server = RedisServer(appendonly=True)
    try:
        yield server
    finally:
        server.end()


def install(server: PostgresServer, schema: str) -> None:
    """
    Make the tables of a history.
    """
    server.sql(PostgresHistory(server.url, schema=schema).install_sql())


def history_in(server: PostgresServer | RedisServer, arguments: str = "") -> str:
    """
    The history in *server*, as for ``--history``.
    """
    return f"{server.url},{arguments}".rstrip(",")
