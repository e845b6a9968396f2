"""
Finds the installed kinds of history, and builds one from ``SCHEME:…``.

Twisted finds the factories: objects in the modules in ``twisted/plugins/`` of
all installed distributions.  It logs and skips a module that cannot be
imported; this module does the same with an object that breaks its contract.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.logger import Logger
from twisted.plugin import getPlugins
from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.interfaces import IHistoryFactory, IHistoryProvider

__all__ = ["build_history", "build_with", "describe_histories", "find_factories"]

T = TypeVar("T")

# The modules of this package's factories begin with this.
_OURS = "twisted_sse."

_log = Logger()


def find_factories() -> list[IHistoryFactory]:
    """
    Return all installed factories, sorted by scheme.

    A factory of this package hides others of the same scheme, so that no
    distribution can change what ``memory:`` and ``sqlite:`` mean.
    """
    # A module that imports another's factory yields it again.
    found = {id(each): each for each in getPlugins(IHistoryFactory) if _is_fit(each)}
    factories = sorted(found.values(), key=lambda each: (each.scheme, _origin(each)))
    ours = {each.scheme for each in factories if _is_ours(each)}
    return [each for each in factories if _is_ours(each) or each.scheme not in ours]


def build_history(text: str) -> IHistoryProvider:
    """
    Build a provider from ``SCHEME:ARGUMENTS``; the scheme ends at the first colon.

    Raises:
        ValueError: The scheme is unknown or ambiguous, or its factory refuses
            the arguments; half a sentence that says what would be right.
    """
    return build_with(text, lambda factory, arguments: factory.build(arguments))


def build_with(text: str, build: Callable[[IHistoryFactory, str], T]) -> T:
    """
    Call *build* with the factory and the arguments of ``SCHEME:ARGUMENTS``.

    Raises:
        ValueError: As for `build_history`.
    """
    scheme, _, arguments = text.partition(":")
    factories = find_factories()
    fitting = [each for each in factories if each.scheme == scheme]
    if not fitting:
        schemes = ", ".join(dict.fromkeys(each.scheme for each in factories))
        raise ValueError(f"history {scheme!r} is unknown: use {schemes}; try --history help")
    if len(fitting) > 1:
        origins = " and ".join(map(_origin, fitting))
        raise ValueError(f"{origins} both provide history {scheme!r}; uninstall one of them")
    try:
        return build(fitting[0], arguments)
    except HistoryUnavailable as error:
        raise ValueError(error) from None
    except ValueError as error:
        raise ValueError(f"{error}; write {_usage(fitting[0])}") from None


def describe_histories() -> str:
    """
    Return a line for each installed scheme: its name, its usage, its module.
    """
    factories = find_factories()
    width = max((len(each.scheme) for each in factories), default=0)
    lines = [f"{each.scheme:<{width}}  {_usage(each)}  ({_origin(each)})" for each in factories]
    return "".join(f"{line}\n" for line in lines)


def _is_fit(factory: IHistoryFactory) -> bool:
    try:
        return bool(verifyObject(IHistoryFactory, factory))
    except Invalid as error:
        # Critical, because options are read before the log begins, and until then
        # Twisted prints only critical events.
        _log.critical(
            "A history factory of {origin} is ignored: {reason}",
            origin=_origin(factory),
            reason=error,
        )
        return False


def _is_ours(factory: IHistoryFactory) -> bool:
    return _origin(factory).startswith(_OURS)


def _origin(factory: IHistoryFactory) -> str:
    return str(type(factory).__module__)


def _usage(factory: IHistoryFactory) -> str:
    # A plugin's usage may have line breaks.
    return " ".join(factory.usage.split())
