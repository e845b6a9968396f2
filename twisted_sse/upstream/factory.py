"""
The history of an edge, from the words of a command line.

What it needs is imported when one is built, because Twisted imports this module
whenever it looks for plugins.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zope.interface import implementer

from twisted_sse import units
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.interfaces import IHistoryFactory, IHistoryProvider

__all__ = ["UpstreamHistoryFactory"]


@implementer(IHistoryFactory)
class UpstreamHistoryFactory:
    """
    `twisted_sse.upstream.history.UpstreamHistory`.

    The URL ends at the first comma; one that is a part of it is written ``%2C``.
    Paths are made absolute at once: a daemon changes its directory.
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
        from twisted_sse.upstream.history import UpstreamHistory

        token_file = given.pop("token-file", None)
        token = None if token_file is None else _read_token(token_file)
        return UpstreamHistory(url, token=token, **given)


def _read_token(path: str) -> str:
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise HistoryUnavailable(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        text = ""
    tokens = [line.strip() for line in text.splitlines() if line.strip()]
    if not tokens:
        raise HistoryUnavailable(f"there is no token in {path}")
    return tokens[0]


def _timeout(text: str) -> float:
    given = units.seconds(text)
    if given == 0:
        raise ValueError("0 seconds are too short for any answer")
    return given


def _absolute(path: str) -> str:
    return str(Path(path).absolute())
