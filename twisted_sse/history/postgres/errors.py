"""
Explains the errors of PostgreSQL and libpq, and says what to do about them.

Nothing here imports psycopg.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "SQLRefused",
    "explain_lost",
    "explain_refused",
    "is_temporary",
    "was_rolled_back",
]

# SQLSTATEs, or the beginnings of some, and what they mean.  The first match counts.
_MEANINGS: Final = {
    "TS002": "the transactions of this role are not READ COMMITTED: ALTER ROLE … SET"
    " default_transaction_isolation = 'read committed'",
    "3F000": "the schema is not installed: run twisted-sse history URL --install",
    "42P01": "the schema is not installed: run twisted-sse history URL --install",
    "42883": "the schema is not installed: run twisted-sse history URL --install",
    "42501": "this role lacks rights: let the owner of the schema run"
    " SELECT SCHEMA.allow_hub('ROLE')",
    "25006": "it is read-only: connect to its primary",
    "55000": "it is a standby: connect to its primary",
    "57P": "it is shutting down or starting",
    "53100": "its disk is full",
    "53200": "its memory is full",
    "53300": "it accepts no more connections: raise its max_connections",
    "57014": "its statement_timeout is too short",
    "55P03": "its lock_timeout is too short",
    "28P01": "it refuses the user or the password: check them in the URL, in PGPASSWORD or in the"
    " passfile",
    "3D000": "it has no such database: check the URL",
    "role limit": "it accepts no more connections of this role, or to this database: raise its"
    " CONNECTION LIMIT",
}

# Connect again after these: another server may answer, or the state of this one may change.
_PASSING: Final = ("25006", "55000", "57P", "53300", "08", "3F000", "42P01", "42883")

# The transaction was rolled back, and may succeed when it is repeated.
_ROLLED_BACK: Final = ("40001", "40P01")

# What libpq says before the reason, once for each address.
_PREFIX: Final = re.compile(
    r"connection to server (?:on socket|at) .*? failed: |(?:FATAL|ERROR):\s+"
)

# What the server says when it refuses a connection, because then there is no SQLSTATE.
_REFUSALS: Final = {
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    "does not exist": "3D000",
    "too many connections for": "role limit",
    "too many clients": "53300",
    "remaining connection slots": "53300",
    "too many connections": "53300",
    "starting up": "57P03",
    "shutting down": "57P01",
    "session is read-only": "25006",
}


class SQLRefused(Exception):
    """
    PostgreSQL has answered with an error.

    Attributes:
        sqlstate: Its code.

        message: Its first line.
    """

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(sqlstate, message)
        self.sqlstate = sqlstate
        self.message = message


def explain_refused(refused: SQLRefused) -> str:
    """
    Explain an error that PostgreSQL has answered, in half a sentence.
    """
    for code, meaning in _MEANINGS.items():
        if refused.sqlstate.startswith(code):
            return meaning
    return f"it answers: {_short(refused.message)}"


def is_temporary(refused: SQLRefused) -> bool:
    """
    Whether an error may not recur on a new connection.
    """
    return refused.sqlstate.startswith(_PASSING)


def was_rolled_back(refused: SQLRefused) -> bool:
    """
    Whether the same statement may succeed when it is repeated.
    """
    return refused.sqlstate in _ROLLED_BACK


def explain_lost(error: Exception) -> str:
    """
    Explain why there is no connection, in half a sentence.
    """
    if isinstance(error, SQLRefused):
        return explain_refused(error)
    text = str(error)
    for mark, sqlstate in _REFUSALS.items():
        if mark in text and "connection to server" in text:
            if sqlstate == "3D000" and "database" not in text:
                continue
            return _MEANINGS[sqlstate[:3] if sqlstate.startswith("57P") else sqlstate]
    return _short(text) or type(error).__name__


def _short(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _PREFIX.sub("", lines[0] if lines else "").rstrip(".")
