"""
The factories of this package's histories, for the command line.

Twisted imports this module whenever it looks for plugins, so what a provider
needs is imported only when one is built.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zope.interface import implementer

from twisted_sse import units
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.memory import MemoryHistory
from twisted_sse.interfaces import (
    IHistoryFactory,
    IHistoryProvider,
    IHistoryReader,
    IReadableHistoryFactory,
)

__all__ = [
    "MemoryHistoryFactory",
    "PostgresHistoryFactory",
    "RedisHistoryFactory",
    "SQLiteHistoryFactory",
    "UpstreamHistoryFactory",
]

_BOUNDS: dict[str, Callable[[str], Any]] = {
    "events": units.count,
    "bytes": units.size,
    "age": units.seconds,
}


@implementer(IHistoryFactory)
class MemoryHistoryFactory:
    """
    Builds a `twisted_sse.history.MemoryHistory`.
    """

    scheme = "memory"
    usage = "memory:events=10000,bytes=64MiB,age=3600"

    def build(self, arguments: str) -> IHistoryProvider:
        """
        See `IHistoryFactory.build`.
        """
        return MemoryHistory(**units.arguments(arguments, _BOUNDS))


@implementer(IReadableHistoryFactory)
class SQLiteHistoryFactory:
    """
    Builds a `twisted_sse.history.sqlite.SQLiteHistory`.

    The path ends at the first comma, so it cannot contain one.
    """

    scheme = "sqlite"
    usage = "sqlite:PATH,events=100000,bytes=1GiB,age=86400,sync=full"

    def build(self, arguments: str) -> IHistoryProvider:
        """
        See `IHistoryFactory.build`.
        """
        path, given = self._parse(arguments)
        from twisted_sse.history.sqlite import SQLiteHistory

        try:
            SQLiteHistory.check(path)
        except ValueError as error:
            raise HistoryUnavailable(error) from None
        return SQLiteHistory(path, **given)

    def build_reader(self, arguments: str) -> IHistoryReader:
        """
        See `IReadableHistoryFactory.build_reader`.
        """
        path, given = self._parse(arguments)
        from twisted_sse.history.sqlite.filereader import SQLiteFileReader

        try:
            return SQLiteFileReader(path, **given)
        except ValueError as error:
            raise HistoryUnavailable(error) from None

    def _parse(self, arguments: str) -> tuple[str, dict[str, Any]]:
        path, _, rest = arguments.partition(",")
        if not path:
            raise ValueError("it needs the path of a file")
        if path == ":memory:":
            raise ValueError("to keep events in memory use --history memory")
        return _absolute(path), units.arguments(rest, {**_BOUNDS, "sync": _sync})


# What follows the credentials in the URL of each scheme.
_REDIS_PLACES = {
    **dict.fromkeys(("redis", "rediss"), "HOST:PORT/DB"),
    **dict.fromkeys(("redis+sentinel", "rediss+sentinel"), "HOST:PORT,HOST:PORT/NAME/DB"),
    "redis+unix": "/PATH?db=DB",
}


@implementer(IHistoryFactory)
class RedisHistoryFactory:
    """
    Builds a `twisted_sse.history.redis.RedisHistory`.

    The URL ends at the first comma; with Sentinels, at the first one after its path begins.  In a
    user name or password write ``%2C``.  Passwords may also be the first lines of files.

    Args:
        scheme: ``redis``, ``redis+sentinel`` or ``redis+unix``; with ``rediss`` TLS is used.
    """

    def __init__(self, scheme: str) -> None:
        self.scheme = scheme
        bounds = "prefix=twisted_sse,events=100000,bytes=256MiB,age=86400,wait=0"
        self.usage = f"{scheme}://[USER:PASSWORD@]{_REDIS_PLACES[scheme]},{bounds}"
        self._readers: dict[str, Callable[[str], Any]] = {
            "prefix": str,
            **_BOUNDS,
            "wait": _replicas,
            "password-file": _absolute,
        }
        self.usage += ",password-file=PATH"
        if scheme.endswith("+sentinel"):
            self.usage += ",sentinel-password-file=PATH"
            self._readers["sentinel-password-file"] = _absolute
        if scheme.startswith("rediss"):
            self.usage += ",cafile=PATH"
            self._readers["cafile"] = _absolute

    def build(self, arguments: str) -> IHistoryProvider:
        """
        See `IHistoryFactory.build`.
        """
        # Commas separate Sentinels, which come before the path.
        start = arguments.find("/", 2) if "sentinel" in self.scheme else 0
        if start < 0:
            raise ValueError("the URL has no name of a master; write it after the hosts")
        path, _, rest = arguments[start:].partition(",")
        url = arguments[:start] + path
        if "@" in rest and "@" not in url:
            # *rest* has a part of the password, which no error may quote.
            raise ValueError("write a comma in a user name or password as %2C")
        given = units.arguments(rest, self._readers)
        for name in ("password", "sentinel-password"):
            if path := given.pop(f"{name}-file", None):
                given[name.replace("-", "_")] = _password_from(path)
        from twisted_sse.history.redis import RedisHistory

        try:
            return RedisHistory(f"{self.scheme}:{url}", **given)
        except ModuleNotFoundError as error:
            # The error names the extra to install.
            raise HistoryUnavailable(error) from None


@implementer(IHistoryFactory)
class PostgresHistoryFactory:
    """
    Builds a `twisted_sse.history.postgres.PostgresHistory`.

    The URL ends at the first comma after its path begins, because commas separate hosts;
    in a user name, a password or an option write ``%2C``.

    Args:
        scheme: ``postgresql``, or ``postgres``, which means the same.
    """

    def __init__(self, scheme: str) -> None:
        self.scheme = scheme
        bounds = "events=100000,bytes=1GiB,age=86400"
        self.usage = f"{scheme}://[USER:PASSWORD@]HOST:PORT/DB,schema=twisted_sse,{bounds}"

    def build(self, arguments: str) -> IHistoryProvider:
        """
        See `IHistoryFactory.build`.
        """
        start = arguments.find("/", 2)
        if start < 0:
            # Without a path, a comma may begin another host as well.
            raise ValueError("the URL has no database; write it after the host, as in //HOST/DB")
        path, _, rest = arguments[start:].partition(",")
        if "@" in rest:
            # *rest* has a part of the password, which no error may quote.
            raise ValueError("write / and , in a user name or password as %2F and %2C")
        readers: dict[str, Callable[[str], Any]] = {"schema": str, **_BOUNDS}
        given = units.arguments(rest, readers)
        from twisted_sse.history.postgres import PostgresHistory

        try:
            return PostgresHistory(f"postgresql:{arguments[:start]}{path}", **given)
        except ModuleNotFoundError as error:
            # The error names the extra to install.
            raise HistoryUnavailable(error) from None


@implementer(IHistoryFactory)
class UpstreamHistoryFactory:
    """
    Builds a `twisted_sse.history.upstream.history.UpstreamHistory`.

    The URL ends at the first comma; in the URL itself write ``%2C``.
    """

    scheme = "upstream"
    usage = "upstream:https://HOST:PORT/events,token-file=PATH,cafile=PATH,timeout=5"

    def build(self, arguments: str) -> IHistoryProvider:
        """
        See `IHistoryFactory.build`.
        """
        url, _, rest = arguments.partition(",")
        readers: dict[str, Callable[[str], Any]] = {
            "token-file": _absolute,
            "cafile": _absolute,
            "timeout": _timeout,
        }
        given = units.arguments(rest, readers)
        from twisted_sse.history.upstream.history import UpstreamHistory

        token_file = given.pop("token-file", None)
        token = None if token_file is None else _token_from(token_file)
        return UpstreamHistory(url, token=token, **given)


def _replicas(text: str) -> int:
    return 0 if text == "0" else units.count(text)


def _sync(text: str) -> str:
    if text not in ("full", "normal"):
        raise ValueError(f"{text!r} is neither full nor normal")
    return text


def _absolute(path: str) -> str:
    # A daemon changes its directory before the provider is started.
    return str(Path(path).absolute())


def _password_from(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise HistoryUnavailable(f"{path} cannot be read: {reason}") from None
    # Not splitlines(): it also splits at characters that a password may have.
    password = text.partition("\n")[0].removesuffix("\r")
    if not password:
        raise HistoryUnavailable(f"{path} has no password in its first line")
    return password


def _token_from(path: str) -> str:
    try:
        return units.read_tokens(path)[0]
    except ValueError as error:
        # The option is valid, but the file is not.
        raise HistoryUnavailable(error) from None


def _timeout(text: str) -> float:
    given = units.seconds(text)
    if given == 0:
        raise ValueError("0 seconds is too short for any answer")
    return given
