"""
What a hub on its own is made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twisted_sse.interfaces import IHistoryProvider

__all__ = ["Config", "InvalidOption", "from_options"]


class InvalidOption(Exception):
    """
    The value of an option that cannot be obeyed.

    Args:
        option: Its name, without the dashes.

        reason: What is wrong, in half a sentence.
    """

    def __init__(self, option: str, reason: object) -> None:
        super().__init__(option, reason)
        self.option = option
        self.reason = str(reason)


@dataclass(frozen=True, kw_only=True)
class Config:
    """
    A hub on its own.  Sizes are in bytes, times in seconds.

    Attributes:
        ports: Numbers or endpoint descriptions.

        retry: The one time in milliseconds, because it is the wire's number.

        publish_tokens: The secrets that let publish; if there is none, one is
            made.

        tls_cert: Files, in the order of the keys in *tls_key*; a certificate
            without one has its key in its own file.
    """

    ports: Sequence[str] = ("8080",)
    history: IHistoryProvider | None = None
    keepalive: float | None = 15.0
    retry: int = 3000
    cors_origins: Sequence[str] = ()
    anonymous: bool = True
    publish_tokens: Sequence[str] = ()
    tls_cert: Sequence[str] = ()
    tls_key: Sequence[str] = ()
    tls_passphrase: bytes | None = None
    max_connections: int | None = None
    max_connections_per_address: int | None = None
    max_streams: int = 256
    max_topics: int = 100
    max_body: int = 1024 * 1024
    send_timeout: float | None = 60.0
    grace: float = 10.0
    demo: bool = False


def from_options(options: Mapping[str, Any], **others: Any) -> Config:
    """
    Make a `Config` from values by the options' names; what is empty is not given.
    """
    names = {"publish-token-file": "publish_tokens", "tls-passphrase-file": "tls_passphrase"}
    given = {names.get(name, name.replace("-", "_")): one for name, one in options.items()}
    return Config(**given, **{name: one for name, one in others.items() if one})
