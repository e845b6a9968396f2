"""
Levels of the log: which lines are written, by the name of their logger.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    InvalidLogLevelError,
    LogLevel,
    LogLevelFilterPredicate,
)

__all__ = ["LoggerLevel", "filtered", "read_level"]


class LoggerLevel(NamedTuple):
    """
    The least level of the lines of a logger and of those below it.

    Attributes:
        logger: Its name, such as ``twisted_sse.history``; empty for all.

        level: A constant of `LogLevel`.
    """

    logger: str
    level: Any


def read_level(text: str) -> LoggerLevel:
    """
    Read ``LEVEL`` or ``LOGGER=LEVEL``.

    Raises:
        ValueError: It is neither; half a sentence.
    """
    logger, equals, name = text.rpartition("=")
    try:
        level = LogLevel.levelWithName(name)
    except InvalidLogLevelError:
        names = ", ".join(level.name for level in LogLevel.iterconstants())
        raise ValueError(f"{name!r} is not a level: use one of {names}") from None
    if equals and not logger:
        raise ValueError(f"{text!r} names no logger: write such as twisted_sse.history=debug")
    return LoggerLevel(logger, level)


def filtered(observer: ILogObserver, levels: Sequence[LoggerLevel]) -> ILogObserver:
    """
    Return an observer that passes on to *observer* what *levels* allow.
    """
    predicate = LogLevelFilterPredicate(LogLevel.info)
    for one in levels:
        predicate.setLogLevelForNamespace(one.logger, one.level)
    chosen: ILogObserver = FilteringLogObserver(observer, [predicate])
    return chosen
