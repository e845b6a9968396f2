"""
The configuration of a standalone hub, as the parts of the server use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.server.config.kinds import TokenList
from twisted_sse.server.config.option import Given
from twisted_sse.server.config.options import OPTIONS

__all__ = ["Config", "default_config", "read_config"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """
    The configuration of a standalone hub.  Sizes are in bytes, times in seconds.

    `twisted_sse.server.config.options` describes the options; attributes that are
    ``None`` are not limited or not used.

    Attributes:
        ports: Port numbers or endpoint descriptions.

        history: ``None`` for the memory of the process.

        retry: In milliseconds, as on the wire; so is *retry_spread*, which is as
            much as *retry* by default.

        publish_tokens: Tokens that may publish; if ``None``, one is generated.

        tls_cert: Certificate files.  Their keys are in the files *tls_key*, in
            the same order; a certificate without one contains its key.

        workers: The number of processes that serve; 1 is this process alone.

        takeover: The path of a socket, absolute.
    """

    ports: Sequence[str]
    history: IHistoryProvider | None
    keepalive: float | None
    retry: int
    retry_spread: int | None
    cors_origins: Sequence[str]
    anonymous: bool
    publish_tokens: TokenList | None
    tls_cert: Sequence[str]
    tls_key: Sequence[str]
    tls_passphrase: bytes | None
    max_connections: int | None
    max_connections_per_address: int | None
    max_streams: int
    max_topics: int
    max_body: int
    head_timeout: float | None
    body_timeout: float | None
    send_timeout: float | None
    grace: float
    spread: float
    workers: int
    takeover: str | None
    demo: bool


def read_config(given: Mapping[str, Given]) -> Config:
    """
    Make a configuration.

    Args:
        given: By the names of the options; the others have their defaults.

    Raises:
        InvalidOption: A value cannot be obeyed.
    """
    values: dict[str, Any] = {}
    for option in OPTIONS:
        if option.name in given:
            values[option.field] = option.read(given[option.name].texts)
        elif option.default is not None:
            values[option.field] = option.read((option.default,))
        else:
            values[option.field] = () if option.several else None
    return Config(**values)


def default_config(**changes: Any) -> Config:
    """
    Make a configuration in which nothing is given, except for *changes*.
    """
    return replace(read_config({}), **changes)
