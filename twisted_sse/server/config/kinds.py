"""
The kinds of values that options have.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from twisted_sse import units
from twisted_sse.broker.presence.settings import read_presence
from twisted_sse.errors import InvalidEvent
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.history.plugins import build_history
from twisted_sse.server.log.formats import FORMATS
from twisted_sse.server.log.levels import read_level
from twisted_sse.topics import MAX_TOPICS
from twisted_sse.transport.proxies import PROXY_HEADERS
from twisted_sse.transport.tls.identity import read_passphrase

__all__ = [
    "AUTO",
    "CONNECTION_LIMIT",
    "COUNT",
    "EVENT",
    "HISTORY",
    "INTERVAL",
    "LIMIT",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "MILLISECONDS",
    "PASSPHRASE_FILE",
    "PATH",
    "PORT",
    "PRESENCE",
    "PROXY_HEADER",
    "SECONDS",
    "SIZE",
    "SIZE_LIMIT",
    "SOCKET_PATH",
    "TEXT",
    "TOKEN_FILE",
    "TOPIC_LIMIT",
    "WORKERS",
    "YES_OR_NO",
    "Kind",
    "TokenList",
]


#: A limit that follows from others, and from the number of open files.
AUTO: Final = "auto"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """
    How the values of an option are written.

    Attributes:
        read: Takes text, and returns the value.  Raises `ValueError` with half a
            sentence.

        expected: What to write in a file, with an example.

        types: The types that a value may have in TOML, beside a string.

        path: Whether it is the path of a file.
    """

    read: Callable[[str], Any]
    expected: str = 'a string in quotation marks, such as "text"'
    types: tuple[type, ...] = ()
    path: bool = False


class TokenList(NamedTuple):
    """
    The tokens in a file.
    """

    path: str
    tokens: list[str]


def _read_tokens(path: str) -> TokenList:
    return TokenList(path, units.read_tokens(path))


def _read_socket_path(text: str) -> str:
    # A daemon changes its directory before it listens.
    path = Path(text).absolute()
    if not path.parent.is_dir():
        raise ValueError(f"there is no directory {str(path.parent)!r}: write another path")
    if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
        raise ValueError(f"{text!r} is too long for a socket: write a path of at most 80 bytes")
    return str(path)


def _read_event(text: str) -> ServerSentEvent:
    kind, _, data = text.partition("=")
    if not kind or not data:
        raise ValueError(f"{text!r} is no event: write its type, = and its data, as in pause=soon")
    try:
        # Its type must not be one of the hub's, as with events that are published.
        return Publication.of("farewell", data, event=kind).event
    except InvalidEvent as error:
        raise ValueError(f"{text!r} is no event: {str(error).removesuffix('.')}") from None


def _read_workers(text: str) -> int:
    if text == "auto":
        # Those that this process may use, where the system says which.
        usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
        return len(usable(0))
    try:
        return units.count(text)
    except ValueError as error:
        raise ValueError(f"{error}, and not auto") from None


# Linux takes 107 bytes, and BSD 103; a process appends its number for a moment.
_LONGEST_SOCKET_PATH = 80


def _read_format(text: str) -> str:
    if text not in FORMATS:
        raise ValueError(f"{text!r} is neither text nor json")
    return text


def _read_connection_limit(text: str) -> int | str | None:
    return AUTO if text == AUTO else units.limit(units.count)(text)


def _read_topics(text: str) -> int:
    number = units.count(text)
    if number > MAX_TOPICS:
        raise ValueError(f"{text!r} is more than the {MAX_TOPICS} topics that an event may have")
    return number


def _read_proxy_header(text: str) -> str:
    if text.lower() not in PROXY_HEADERS:
        raise ValueError(f"{text!r} is neither X-Forwarded-For nor Forwarded")
    return text.lower()


TEXT = Kind(read=str)
PORT = Kind(
    read=str, expected='a port number, or a string such as "unix:/run/sse.sock"', types=(int,)
)
HISTORY = Kind(read=build_history, expected='a string such as "sqlite:events.db"')
PATH = Kind(read=str, expected='the path of a file, such as "public.pem"', path=True)
TOKEN_FILE = Kind(read=_read_tokens, expected='the path of a file, such as "tokens"', path=True)
PASSPHRASE_FILE = Kind(
    read=read_passphrase, expected='the path of a file, such as "passphrase"', path=True
)
COUNT = Kind(read=units.count, expected="a whole number, such as 100", types=(int,))
MILLISECONDS = Kind(
    read=units.milliseconds, expected="a whole number of milliseconds, such as 3000", types=(int,)
)
EVENT = Kind(read=_read_event, expected='an event type, = and data, such as "pause=soon"')
SECONDS = Kind(read=units.seconds, expected="a number of seconds, such as 10", types=(int, float))
INTERVAL = Kind(
    read=units.interval,
    expected='a number of seconds, such as 10, or "none"',
    types=(int, float),
)
SIZE = Kind(read=units.size, expected='a size, such as 65536 or "64KiB"', types=(int,))
LIMIT = Kind(
    read=units.limit(units.count),
    expected='a whole number, such as 100, or "none"',
    types=(int,),
)
CONNECTION_LIMIT = Kind(
    read=_read_connection_limit,
    expected='a whole number, such as 100, "none" or "auto"',
    types=(int,),
)
TOPIC_LIMIT = Kind(
    read=units.limit(_read_topics),
    expected='a whole number, such as 10, or "none"',
    types=(int,),
)
SIZE_LIMIT = Kind(
    read=units.limit(units.size),
    expected='a size, such as 65536 or "64KiB", or "none"',
    types=(int,),
)
PROXY_HEADER = Kind(read=_read_proxy_header, expected='"X-Forwarded-For" or "Forwarded"')
LOG_FORMAT = Kind(read=_read_format, expected='"text" or "json"')
LOG_LEVEL = Kind(read=read_level, expected='a level such as "warn", or "twisted_sse.history=debug"')
YES_OR_NO = Kind(read=units.yes_or_no, expected="true or false", types=(bool,))
SOCKET_PATH = Kind(
    read=_read_socket_path, expected='the path of a socket, such as "/run/sse/takeover"'
)
WORKERS = Kind(read=_read_workers, expected='a whole number, such as 2, or "auto"', types=(int,))
PRESENCE = Kind(
    read=read_presence, expected="true, false, or a number of seconds", types=(bool, int, float)
)
