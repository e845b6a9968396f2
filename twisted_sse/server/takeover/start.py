"""
Takes over from the running hub, when the configuration is known to be good.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted_sse.history.sqlite.file import IN_USE
from twisted_sse.interfaces import ISharedHistoryProvider
from twisted_sse.server.build import make_server
from twisted_sse.server.config.config import Config, read_config
from twisted_sse.server.config.option import Given, InvalidOption
from twisted_sse.server.role import Role
from twisted_sse.server.takeover.claim import Claim, TakeoverFailed, claim

__all__ = ["take_over"]


def take_over(given: Mapping[str, Given], reactor: Any) -> Claim | None:
    """
    Get the sockets of the hub that ``--takeover`` names.

    Args:
        given: The configuration.  Nothing is asked of the other hub before it has been
            checked, but for the history, which the other hub may be using.

    Returns:
        ``None`` if there is no such option, or no such hub.

    Raises:
        InvalidOption: The configuration cannot be used, or the other hub gives nothing.
    """
    if "takeover" not in given:
        return None
    try:
        config = read_config(given)
    except InvalidOption as error:
        if error.option != "history" or not error.reason.endswith(IN_USE):
            raise
        config = read_config({name: one for name, one in given.items() if name != "history"})
    make_server(config, reactor, Role(leads=False))
    assert config.takeover is not None
    try:
        return claim(config.takeover, shared=_is_shared(config))
    except TakeoverFailed as error:
        raise InvalidOption("takeover", error) from None


def _is_shared(config: Config) -> bool:
    return ISharedHistoryProvider(config.history, None) is not None
