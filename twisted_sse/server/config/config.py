"""
The configuration of a standalone hub, as the parts of the server use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from twisted_sse.broker.presence.settings import Presence
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.server.config.access import AccessConfig
from twisted_sse.server.config.kinds import TokenList
from twisted_sse.server.config.option import Given
from twisted_sse.server.config.options import OPTIONS
from twisted_sse.server.log.levels import LoggerLevel
from twisted_sse.web.mercure.versions import Version

__all__ = ["Config", "ConnectionLimit", "default_config", "read_config"]


#: ``None`` for no limit; "auto" follows from other limits.
ConnectionLimit = int | Literal["auto"] | None


@dataclass(frozen=True, kw_only=True)
class Config(AccessConfig):
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

        protocols: The versions of Mercure to speak; if empty, all.

        public_urls: The origins that the hub is known by; if empty, all.

        tls_cert: Certificate files.  Their keys are in the files *tls_key*, in
            the same order; a certificate without one contains its key.

        workers: The number of processes that serve; 1 is this process alone.

        takeover: The path of a socket, absolute.

        admin: A port number of this machine, or an endpoint description.
    """

    ports: Sequence[str]
    history: IHistoryProvider | None
    keepalive: float | None
    retry: int
    retry_spread: int | None
    cors_origins: Sequence[str]
    anonymous: bool
    publish_tokens: TokenList | None
    protocols: Sequence[Version]
    subscriptions: bool
    public_urls: Sequence[str]
    tls_cert: Sequence[str]
    tls_key: Sequence[str]
    tls_passphrase: bytes | None
    max_connections: ConnectionLimit
    max_connections_per_address: ConnectionLimit
    max_connections_per_user: ConnectionLimit
    max_accepts: int | None
    max_accepts_per_address: ConnectionLimit
    max_streams: int | None
    max_topics: int | None
    max_publication_topics: int | None
    max_publish_rate: int | None
    max_body: int | None
    handshake_timeout: float | None
    head_timeout: float | None
    body_timeout: float | None
    send_timeout: float | None
    trusted_proxies: Sequence[str]
    proxy_header: str | None
    presence: Presence | None
    max_lifetime: float | None
    drain_delay: float
    grace: float
    spread: float
    farewell: ServerSentEvent | None
    workers: int
    takeover: str | None
    demo: bool
    log_format: str
    log_levels: Sequence[LoggerLevel]
    access_log: bool
    admin: str | None
    admin_tokens: TokenList | None
    self_test: float | None


def read_config(given: Mapping[str, Given]) -> Config:
    """
    Make a configuration.

    Args:
        given: By the names of the options; the others have their defaults.

    Raises:
        InvalidOption: A value cannot be obeyed.
    """
    return Config(
        **{option.field: option.read(option.texts(given.get(option.name))) for option in OPTIONS}
    )


def default_config(**changes: Any) -> Config:
    """
    Make a configuration in which nothing is given, except for *changes*.
    """
    return replace(read_config({}), **changes)
