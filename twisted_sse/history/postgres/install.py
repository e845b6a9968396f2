"""
Creates the schema, or brings it up to date.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IReactorTime

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.postgres.binary import int_from, statement
from twisted_sse.history.postgres.connect import PostgresConnector
from twisted_sse.history.postgres.errors import SQLRefused
from twisted_sse.history.postgres.protocol import PostgresProtocol
from twisted_sse.history.postgres.schema import NEWEST, Schema
from twisted_sse.history.postgres.session import check_schema_version
from twisted_sse.history.postgres.url import PostgresURL

__all__ = ["install_schema"]

_ENCODING: Final = b"SELECT current_setting('server_encoding')"
_EXISTS: Final = "SELECT to_regclass('@schema@.migration') IS NOT NULL"
_VERSION: Final = "SELECT max(version) FROM @schema@.migration"

# Another program has created something of the same name meanwhile.
_DUPLICATES: Final = ("42P06", "42P07", "42710", "42723", "23505")

# How long the script may take, in seconds.
_PATIENCE: Final = 60.0


async def install_schema(
    url: PostgresURL, schema: Schema, timeout: float, clock: IReactorTime
) -> bool:
    """
    Run the migrations that are missing, all or none.

    Returns:
        Whether there were any.

    Raises:
        HistoryUnavailable: The schema could not be installed, and nothing was changed.
    """
    where = f"PostgreSQL at {url.address}"
    try:
        protocol = await PostgresConnector(url, _check_encoding, timeout, clock).connect()
    except HistoryUnavailable as error:
        raise HistoryUnavailable(f"{where} is not available: {error}.") from None
    try:
        return await _migrate(protocol, schema, clock)
    except HistoryUnavailable as error:
        raise HistoryUnavailable(f"{where} is not available: {error}.") from None
    except SQLRefused as refused:
        raise HistoryUnavailable(
            f"{where} does not install the schema {schema.name}: {refused.message}."
        ) from None
    finally:
        protocol.drop(HistoryUnavailable("it was installed"))


async def _migrate(protocol: PostgresProtocol, schema: Schema, clock: IReactorTime) -> bool:
    version = await _version(protocol, schema)
    if version >= NEWEST:
        check_schema_version(schema, version)
        return False
    try:
        running = protocol.run_script(schema.script(version))
        await running.addTimeout(_PATIENCE, clock)
    except SQLRefused as refused:
        if refused.sqlstate in _DUPLICATES and await _version(protocol, schema) >= NEWEST:
            return False
        raise
    return True


async def _version(protocol: PostgresProtocol, schema: Schema) -> int:
    (found,) = await protocol.run(statement(schema.sql(_EXISTS)))
    if found.get_value(0, 0) != b"\1":
        return 0
    (found,) = await protocol.run(statement(schema.sql(_VERSION)))
    return int_from(found.get_value(0, 0) or b"")


async def _check_encoding(protocol: PostgresProtocol) -> None:
    (found,) = await protocol.run(statement(_ENCODING))
    encoding = (found.get_value(0, 0) or b"").decode()
    if encoding != "UTF8":
        raise HistoryUnavailable(f"its encoding is {encoding}: use a database with UTF8")
