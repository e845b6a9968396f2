"""
What a hub asks on each new connection, before anything else.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from twisted.internet.interfaces import IReactorTime

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.postgres.binary import Statement, float_from, int_from, statement
from twisted_sse.history.postgres.epochs import Epoch, KnownEpochs
from twisted_sse.history.postgres.errors import SQLRefused
from twisted_sse.history.postgres.protocol import PostgresProtocol
from twisted_sse.history.postgres.schema import NEWEST, Schema

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

__all__ = ["Session", "ask_for_epochs", "check_schema_version", "epochs_from"]

# How long hubs have to tell what they know when a new epoch begins, in seconds.  A hub that
# has seen more than the store still has may be the last one to connect.
_GRACE: Final = 2.0

_WHO: Final = """
    SELECT pg_backend_pid(), current_setting('server_encoding'),
        (SELECT max(version) FROM @schema@.migration)
"""
_OPEN: Final = "SELECT gone FROM @schema@.open($1, $2, $3::bigint)"
_EPOCHS: Final = """
    SELECT first, epoch, follows, lost, extract(epoch FROM clock_timestamp() - at)::float8
    FROM @schema@.epoch ORDER BY first
"""
_ROLE: Final = b"SELECT quote_literal(current_user)"

# The schemas that have a history, by two of its tables.
_INSTALLED: Final = b"""
    SELECT n.nspname FROM pg_namespace AS n
    WHERE (SELECT count(*) FROM pg_class AS c
        WHERE c.relnamespace = n.oid AND c.relname IN ('migration', 'outbox')) = 2
    ORDER BY 1 LIMIT 5
"""

# What PostgreSQL says of a schema that is not there, and of one that may not be used.
_NOT_INSTALLED: Final = ("3F000", "42P01", "42883")
_NO_RIGHTS: Final = "42501"

_ISOLATION: Final = b"SET default_transaction_isolation = 'read committed'"


class Session:
    """
    Args:
        epochs: Told which life of the store it is.

        listen: Whether to listen for notifications.

    Attributes:
        pooled: Whether something like pgbouncer stands between.  Its connections to the
            server are not ours, so they keep no setting, and hear no notification.
    """

    def __init__(
        self, schema: Schema, epochs: KnownEpochs, clock: IReactorTime, listen: bool
    ) -> None:
        self._schema = schema
        self._epochs = epochs
        self._clock = clock
        self._listen = listen
        self.pooled = False

    async def begin(self, protocol: PostgresProtocol) -> None:
        """
        Prepare *protocol* for use.

        Raises:
            HistoryUnavailable: The database cannot be used.

            SQLRefused: PostgreSQL has answered with an error.
        """
        (who,) = await self._ask_who(protocol)
        encoding = (who.get_value(0, 1) or b"").decode()
        version = int_from(who.get_value(0, 2) or b"")
        self.pooled = int_from(who.get_value(0, 0) or b"") != protocol.backend
        if encoding != "UTF8":
            raise HistoryUnavailable(f"its encoding is {encoding}: use a database with UTF8")
        check_schema_version(self._schema, version)
        if not self.pooled:
            listening = (self._schema.events, self._schema.outbox) if self._listen else ()
            names = [f'LISTEN "{one}"'.encode() for one in listening]
            await protocol.run(*(statement(one) for one in (_ISOLATION, *names)))
        await self._open(protocol)

    async def _ask_who(self, protocol: PostgresProtocol) -> list[PGresult]:
        try:
            return await protocol.run(statement(self._schema.sql(_WHO)))
        except SQLRefused as refused:
            if refused.sqlstate.startswith(_NOT_INSTALLED):
                raise HistoryUnavailable(await self._explain_missing(protocol)) from None
            if refused.sqlstate == _NO_RIGHTS:
                (role,) = await protocol.run(statement(_ROLE))
                raise HistoryUnavailable(
                    "this role lacks rights: let the owner of the schema run SELECT"
                    f" {self._schema.name}.allow_hub({(role.get_value(0, 0) or b'').decode()})"
                ) from None
            raise

    async def _explain_missing(self, protocol: PostgresProtocol) -> str:
        (found,) = await protocol.run(statement(_INSTALLED))
        others = [(found.get_value(row, 0) or b"").decode() for row in range(found.ntuples)]
        if not others:
            return (
                f"the schema {self._schema.name} is not installed: run"
                " twisted-sse history URL --install"
            )
        return (
            f"the schema {self._schema.name} is not installed, but {' and '.join(others)}"
            f" {'is' if len(others) == 1 else 'are'}: check schema=, or run"
            " twisted-sse history URL --install"
        )

    async def _open(self, protocol: PostgresProtocol) -> None:
        epoch, number = self._epochs.known or (None, None)
        opening = statement(self._schema.sql(_OPEN), secrets.token_hex(8), epoch, number)
        _, epochs = await protocol.run(opening, ask_for_epochs(self._schema))
        self._epochs.update(epochs_from(epochs, self._clock.seconds()))


def check_schema_version(schema: Schema, version: int) -> None:
    """
    Check that this package can use a schema of *version*.

    Raises:
        HistoryUnavailable: It is older or newer; half a sentence.
    """
    if version < NEWEST:
        raise HistoryUnavailable(
            f"its schema {schema.name} has version {version}, and this twisted-sse needs"
            f" version {NEWEST}: run twisted-sse history URL --install"
        )
    if version > NEWEST:
        raise HistoryUnavailable(
            f"its schema {schema.name} has version {version}, and this twisted-sse knows"
            f" version {NEWEST}: upgrade twisted-sse on this machine"
        )


def ask_for_epochs(schema: Schema) -> Statement:
    """
    Ask for all epochs.
    """
    return statement(schema.sql(_EPOCHS))


def epochs_from(result: PGresult, now: float) -> Sequence[Epoch]:
    """
    Read the answer to `ask_for_epochs`.
    """
    return [_epoch(result, row, now) for row in range(result.ntuples)]


def _epoch(result: PGresult, row: int, now: float) -> Epoch:
    first, name, follows, lost, age = (result.get_value(row, one) or b"" for one in range(5))
    return Epoch(
        int_from(first),
        name.decode(),
        int_from(follows),
        lost == b"\1",
        now + max(0.0, _GRACE - float_from(age)) if row else now,
    )
