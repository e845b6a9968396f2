"""
The options of ``twistd sse`` for the Mercure protocol.
"""

from __future__ import annotations

from typing import Any

from twisted_sse.server.config import Config, InvalidOption
from twisted_sse.web.mercure.location import DEFAULT_PATH, HubLocation
from twisted_sse.web.mercure.versions import VERSIONS
from twisted_sse.web.tokens.credentials import DEFAULT_COOKIES

__all__ = ["hub_url", "read_mercure", "read_protocols"]


def read_protocols(text: str) -> list[str]:
    """
    Read the versions of the protocol, separated by commas.

    Raises:
        ValueError: One of them is unknown.
    """
    given = [one.strip() for one in text.split(",")]
    for one in given:
        if one not in VERSIONS:
            raise ValueError(f"{one!r} is unknown; write {', '.join(VERSIONS)}, or one of them")
    return given


def read_mercure(config: Config) -> dict[str, Any]:
    """
    Return the arguments of `MercureResource` that *config* asks for.

    Raises:
        InvalidOption: An option cannot be obeyed.
    """
    _location(config)
    access = config.access
    cookies = DEFAULT_COOKIES if access.cookies is None else access.cookies
    return {
        # Tokens in a file are not those that the metadata tell about.
        "describe": bool(access.keys),
        "authorization_servers": [access.issuer] if access.issuer else [],
        "cookie": cookies[0] if cookies else None,
        "protocols": config.protocols,
        "subscriptions": config.subscriptions,
        "public_urls": config.public_urls,
    }


def hub_url(config: Config) -> str | None:
    """
    The URL of the hub, if a public one was given.

    Raises:
        InvalidOption: It cannot be one.
    """
    return _location(config).base or None


def _location(config: Config) -> HubLocation:
    try:
        return HubLocation(DEFAULT_PATH, config.public_urls)
    except ValueError as error:
        raise InvalidOption("public-url", error) from None
