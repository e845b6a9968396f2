"""
The schema in the database: its tables and functions, and how they are made.

The files in ``migrations/`` are numbered.  Each is run once, in one transaction, and none is
changed after it was released.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

__all__ = ["NEWEST", "Schema", "check_schema"]

#: The number of the newest migration.
NEWEST: Final = 2

# How many statements are remembered; those that search by topic differ by how many they are.
_REMEMBERED: Final = 512

# PostgreSQL cuts names at 63 bytes, and the name of a channel is longer than that of its schema.
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,50}")


def check_schema(name: str) -> str:
    """
    Check the name of a schema.

    Raises:
        ValueError: It is not one; a sentence without its period.
    """
    if not _NAME.fullmatch(name) or name.startswith("pg_"):
        raise ValueError(
            "schema must be a lower-case letter and then letters, digits and _, at most 51"
            f" characters, and not begin with pg_, not {name!r}"
        )
    return name


# A script cannot ask PostgreSQL anything, so it remembers the version in a setting.
_VERSION: Final = """\
DO $guard$ BEGIN
    PERFORM set_config('twisted_sse.version', '0', true);
    IF to_regclass('@schema@.migration') IS NOT NULL THEN
        PERFORM set_config('twisted_sse.version', max(version)::text, true)
            FROM @schema@.migration;
    END IF;
END $guard$;
"""

# One migration, if it is missing.
_GUARDED: Final = """\
DO $guard$ BEGIN
IF current_setting('twisted_sse.version')::int < {number} THEN EXECUTE $migration$
{sql}
$migration$; END IF;
END $guard$;
"""


class Schema:
    """
    The names that belong to one schema.

    Attributes:
        name: Its name.

        quoted: The same as SQL.

        events: The channel on which hubs tell each other that there are new events.

        outbox: The channel on which publishers tell the hubs the same.
    """

    def __init__(self, name: str) -> None:
        self.name = check_schema(name)
        self.quoted = f'"{name}"'
        self.events = name
        self.outbox = f"{name}_outbox"

    def sql(self, text: str) -> bytes:
        """
        Put the schema's names into *text*, which has them as ``@schema@`` and the like.
        """
        return _filled(self.name, text).encode()

    def script(self, after: int = 0) -> str:
        """
        The SQL that creates the schema, or brings it up to date.

        Args:
            after: The number of the newest migration that was run; 0 for none.
        """
        return "".join(self.script_of(number) for number in _from(after + 1))

    def script_for_any(self) -> str:
        """
        The SQL that does the same whatever the newest migration is, as one transaction.
        """
        parts = [
            _filled(self.name, _GUARDED).format(number=number, sql=self.script_of(number))
            for number in _from(1)
        ]
        return "\n".join(["BEGIN;\n", _filled(self.name, _VERSION), *parts, "COMMIT;\n"])

    def script_of(self, number: int) -> str:
        """
        The SQL of one migration.
        """
        return _filled(self.name, _migration(number))


def _from(first: int) -> range:
    return range(first, NEWEST + 1)


@cache
def _migration(number: int) -> str:
    path = files("twisted_sse.history.postgres").joinpath("migrations", f"{number}.sql")
    return path.read_text(encoding="utf-8")


@lru_cache(maxsize=_REMEMBERED)
def _filled(name: str, text: str) -> str:
    for word, value in _words(name).items():
        text = text.replace(f"@{word}@", value)
    return text


def _words(name: str) -> dict[str, str]:
    schema = Schema(name)
    return {
        "schema": schema.quoted,
        "channel": f"'{schema.events}'",
        "outbox": f"'{schema.outbox}'",
        **{
            f"{one}_lock": str(_lock(name, one)) for one in ("append", "forget", "move", "presence")
        },
    }


def _lock(schema: str, name: str) -> int:
    """
    The key of an advisory lock.  All programs of a database share these keys.
    """
    digest = sha256(f"twisted_sse {schema} {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
