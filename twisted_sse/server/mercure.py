"""
What the configuration says about the Mercure protocol.
"""

from __future__ import annotations

from typing import Any

from twisted_sse.server.config.config import Config
from twisted_sse.server.config.option import InvalidOption
from twisted_sse.web.mercure.location import DEFAULT_PATH, HubLocation
from twisted_sse.web.mercure.versions import VERSIONS
from twisted_sse.web.tokens.credentials import DEFAULT_COOKIES

__all__ = ["hub_url", "read_mercure"]


def read_mercure(config: Config) -> dict[str, Any]:
    """
    Return the arguments of `MercureResource` that *config* asks for.

    Raises:
        InvalidOption: An option cannot be obeyed.
    """
    _location(config)
    cookies = config.cookies or DEFAULT_COOKIES
    return {
        "protocols": config.protocols or VERSIONS,
        "subscriptions": config.subscriptions,
        "public_urls": config.public_urls,
        # Tokens in a file are not those that the metadata tell about.
        "describe": bool(config.keys),
        "authorization_servers": [config.jwt_issuer] if config.jwt_issuer else [],
        "cookie": cookies[0],
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
