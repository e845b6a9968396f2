"""
Finds what can keep history, and has it built from ``SCHEME:…``.

Twisted finds the factories: objects in the modules in ``twisted/plugins/`` of
everything that is installed.  A module that cannot be imported is logged by
Twisted and left out; so is, here, an object that breaks its contract.
"""

from __future__ import annotations

from twisted.logger import Logger
from twisted.plugin import getPlugins
from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.interfaces import IHistoryFactory, IHistoryProvider

__all__ = ["build_history", "describe_histories", "find_factories"]

# Where the factories of this package are.
_OURS = "twisted_sse."

_log = Logger()


def find_factories() -> list[IHistoryFactory]:
    """
    All that are installed, by their schemes.

    One of this package hides others of the same scheme: what `memory:` and
    `sqlite:` mean does not change with what else is installed.
    """
    # A module that imports another's factory has it, too.
    found = {id(each): each for each in getPlugins(IHistoryFactory) if _is_fit(each)}
    factories = sorted(found.values(), key=lambda each: (each.scheme, _origin(each)))
    ours = {each.scheme for each in factories if _is_ours(each)}
    return [each for each in factories if _is_ours(each) or each.scheme not in ours]


def build_history(text: str) -> IHistoryProvider:
    """
    Make a provider from ``SCHEME:ARGUMENTS``; the scheme ends at the first colon.

    Raises:
        ValueError: There is no such scheme, there are two, or its factory
            cannot obey; half a sentence that says what would be right.
    """
    scheme, _, arguments = text.partition(":")
    factories = find_factories()
    fitting = [each for each in factories if each.scheme == scheme]
    if not fitting:
        schemes = ", ".join(dict.fromkeys(each.scheme for each in factories))
        raise ValueError(f"there is no history {scheme!r}, only {schemes}; try --history help")
    if len(fitting) > 1:
        origins = " and ".join(map(_origin, fitting))
        raise ValueError(f"{origins} both have a history {scheme!r}; uninstall one of them")
    try:
        return fitting[0].build(arguments)
    except HistoryUnavailable as error:
        raise ValueError(error) from None
    except ValueError as error:
        raise ValueError(f"{error}; write {_usage(fitting[0])}") from None


def describe_histories() -> str:
    """
    A line for each scheme that is installed: its name, its usage, its module.
    """
    factories = find_factories()
    width = max((len(each.scheme) for each in factories), default=0)
    lines = [f"{each.scheme:<{width}}  {_usage(each)}  ({_origin(each)})" for each in factories]
    return "".join(f"{line}\n" for line in lines)


def _is_fit(factory: IHistoryFactory) -> bool:
    try:
        return bool(verifyObject(IHistoryFactory, factory))
    except Invalid as error:
        # Like Twisted for a module that it cannot import, and so that it is
        # seen: options are read before the log begins, and only what is
        # critical is told at once.
        _log.critical(
            "A history of {origin} is left out: {reason}", origin=_origin(factory), reason=error
        )
        return False


def _is_ours(factory: IHistoryFactory) -> bool:
    return _origin(factory).startswith(_OURS)


def _origin(factory: IHistoryFactory) -> str:
    return str(type(factory).__module__)


def _usage(factory: IHistoryFactory) -> str:
    # One line, whoever wrote it.
    return " ".join(factory.usage.split())
