"""
The configuration of a standalone hub.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.server.accessoptions import AccessConfig
from twisted_sse.web.mercure import VERSIONS, Version

__all__ = ["Config", "InvalidOption", "from_options"]


class InvalidOption(Exception):
    """
    An option has a value that cannot be obeyed.

    Args:
        option: Its name, without the dashes.

        reason: What is wrong, as a sentence without its period.
    """

    def __init__(self, option: str, reason: object) -> None:
        super().__init__(option, reason)
        self.option = option
        self.reason = str(reason)


@dataclass(frozen=True, kw_only=True)
class Config:
    """
    The configuration of a standalone hub.  Sizes are in bytes, times in seconds.

    Attributes:
        ports: Port numbers or endpoint descriptions.

        retry: In milliseconds, as on the wire; so is *retry_spread*, which is as
            much as *retry* by default.

        publish_tokens: Tokens that may publish; if empty, one is generated.

        publish_token_file: The file that they were read from, to read them again.

        protocols: The versions of Mercure to speak.

        public_urls: The origins that the hub is known by; if empty, all.

        access: Who else may read and publish.

        tls_cert: Certificate files.  Their keys are in the files *tls_key*, in
            the same order; a certificate without one contains its key.
    """

    ports: Sequence[str] = ("8080",)
    history: IHistoryProvider | None = None
    keepalive: float | None = 15.0
    retry: int = 3000
    retry_spread: int | None = None
    cors_origins: Sequence[str] = ()
    anonymous: bool = True
    publish_tokens: Sequence[str] = ()
    publish_token_file: str | None = None
    protocols: Sequence[Version] = VERSIONS
    subscriptions: bool = False
    public_urls: Sequence[str] = ()
    access: AccessConfig = field(default_factory=AccessConfig)
    tls_cert: Sequence[str] = ()
    tls_key: Sequence[str] = ()
    tls_passphrase: bytes | None = None
    max_connections: int | None = None
    max_connections_per_address: int | None = None
    max_streams: int = 256
    max_topics: int = 100
    max_body: int = 1024 * 1024
    head_timeout: float | None = 10.0
    body_timeout: float | None = 30.0
    send_timeout: float | None = 60.0
    grace: float = 8.0
    spread: float = 10.0
    demo: bool = False


def from_options(options: Mapping[str, Any], **others: Any) -> Config:
    """
    Make a `Config`; arguments that are empty keep their defaults.

    Args:
        options: Values, by the names of the options.

        others: Values, by the names of attributes.
    """
    names = {"publish-token-file": "publish_tokens", "tls-passphrase-file": "tls_passphrase"}
    values = {names.get(name, name.replace("-", "_")): value for name, value in options.items()}
    return Config(**values, **{name: value for name, value in others.items() if value})
