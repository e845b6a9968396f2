"""
What a hub on its own is made of, and how strings on a command line say it.

Everything here raises `ValueError` with half a sentence: what is wrong, and
what would be right.  Whoever calls says which option it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted_sse.event import MAX_RETRY
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import IHistoryProvider

__all__ = [
    "Config",
    "Unfit",
    "count",
    "from_options",
    "history",
    "interval",
    "milliseconds",
    "read_tokens",
    "seconds",
    "size",
    "yes_or_no",
]

_UNITS = {"": 1, "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3}


class Unfit(Exception):
    """
    The value of an option that cannot be obeyed.

    Args:
        option: Its name, without the dashes.

        reason: What is wrong, in half a sentence.
    """

    def __init__(self, option: str, reason: object) -> None:
        super().__init__(option, reason)
        self.option = option
        self.reason = str(reason)


@dataclass(frozen=True, kw_only=True)
class Config:
    """
    A hub on its own.  Sizes are in bytes, times in seconds.

    Attributes:
        ports: Numbers or endpoint descriptions.

        retry: The one time in milliseconds, because it is the wire's number.

        publish_tokens: The secrets that let publish; if there is none, one is
            made.
    """

    ports: Sequence[str] = ("8080",)
    history: IHistoryProvider | None = None
    keepalive: float | None = 15.0
    retry: int = 3000
    cors_origins: Sequence[str] = ()
    anonymous: bool = True
    publish_tokens: Sequence[str] = ()
    tls_cert: str | None = None
    tls_key: str | None = None
    max_connections: int | None = None
    max_connections_per_address: int | None = None
    max_topics: int = 100
    max_body: int = 1024 * 1024
    send_timeout: float | None = 60.0
    grace: float = 10.0
    demo: bool = False


def from_options(options: Mapping[str, Any], **others: Any) -> Config:
    """
    Make a `Config` from values by the options' names; what is empty is not given.
    """
    names = {"publish-token-file": "publish_tokens"}
    given = {names.get(name, name.replace("-", "_")): one for name, one in options.items()}
    return Config(**given, **{name: one for name, one in others.items() if one})


def count(text: str) -> int:
    """
    A whole number, at least 1.
    """
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(f"{text!r} is not a whole number greater than 0")
    return int(text)


def milliseconds(text: str) -> int:
    """
    A whole number, at least 0.
    """
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a whole number of milliseconds")
    if int(text) > MAX_RETRY:
        raise ValueError(f"{text!r} is more than browsers can wait; the most is {MAX_RETRY}")
    return int(text)


def seconds(text: str) -> float:
    """
    A number, at least 0.
    """
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text, re.ASCII):
        raise ValueError(f"{text!r} is not a number of seconds")
    return float(text)


def interval(text: str) -> float | None:
    """
    A number greater than 0, or ``off``.
    """
    if text == "off":
        return None
    given = seconds(text)
    if given == 0:
        raise ValueError("0 seconds is no interval; write 'off' to do without")
    return given


def size(text: str) -> int:
    """
    Bytes, or with a unit: ``64MiB``.
    """
    match = re.fullmatch(r"([0-9]+) ?([KMG]iB)?", text, re.ASCII | re.IGNORECASE)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a size such as 65536, 64KiB, 16MiB or 1GiB")
    return int(match[1]) * _UNITS[(match[2] or "").upper()]


def yes_or_no(text: str) -> bool:
    """
    ``yes`` or ``no``.
    """
    if text not in ("yes", "no"):
        raise ValueError(f"{text!r} is neither yes nor no")
    return text == "yes"


def read_tokens(path: str) -> list[str]:
    """
    The lines of a file that are not empty: one token each.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ValueError(f"{path} cannot be read: {reason}") from None
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if any(len(line.split()) > 1 for line in lines):
        raise ValueError(f"{path} has a line of several words; a token has no spaces")
    if not lines:
        raise ValueError(f"{path} is empty; write a token into it")
    return lines


def history(text: str) -> IHistoryProvider:
    """
    A history provider, from ``scheme:name=value,…``.
    """
    scheme, _, rest = text.partition(":")
    if scheme != "memory":
        raise ValueError(f"there is no history {scheme!r}; write {_MEMORY_USAGE}")
    return MemoryHistory(**_arguments(rest))


_MEMORY_USAGE = "memory:events=10000,bytes=64MiB,age=3600"

_MEMORY: dict[str, Callable[[str], Any]] = {"events": count, "bytes": size, "age": seconds}


def _arguments(text: str) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name not in _MEMORY:
            raise ValueError(f"memory has no {name!r}; write {_MEMORY_USAGE}")
        arguments[name] = _MEMORY[name](value)
    return arguments
