"""
The limits of a standalone hub: their options, their defaults, and how they are read.

Law: every limit is on by default, and ``none`` turns it off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from twisted.python import usage

from twisted_sse import units
from twisted_sse.server.socketlimits import max_streams_of_files
from twisted_sse.topics import MAX_TOPICS
from twisted_sse.transport.deadline import BODY_TIMEOUT, HANDSHAKE_TIMEOUT, HEAD_TIMEOUT
from twisted_sse.transport.proxies import PROXY_HEADERS

__all__ = ["AUTO", "READERS", "ConnectionLimits", "HubLimits", "LimitOptions", "connection_limits"]

#: A limit that follows from the number of open files.
AUTO: Final = "auto"

_Auto = Literal["auto"]

# One address or user gets a quarter of all connections, and of those that are accepted,
# so that nobody alone can take the places of others; but at least as many as a school
# behind one address needs.
_SHARE = 4
_LEAST_SHARE = 100


@dataclass(frozen=True, kw_only=True)
class HubLimits:
    """
    The limits of a standalone hub.  Sizes are in bytes, times in seconds; ``None`` is no
    limit.

    Attributes:
        max_accepts, max_accepts_per_address: Connections per second.

        max_publish_rate: Publications per second of one user or token.

        trusted_proxies: Networks of proxies, as `TrustedProxies` takes them.

        proxy_header: The header that they report clients by; ``None`` for the usual
            one.
    """

    max_connections: int | _Auto | None = AUTO
    max_connections_per_address: int | _Auto | None = AUTO
    max_connections_per_user: int | _Auto | None = AUTO
    max_accepts: int | None = 1000
    max_accepts_per_address: int | _Auto | None = AUTO
    max_streams: int | None = 256
    max_topics: int | None = 100
    max_publication_topics: int | None = MAX_TOPICS
    max_publish_rate: int | None = 10_000
    max_body: int | None = 1024 * 1024
    handshake_timeout: float | None = HANDSHAKE_TIMEOUT
    head_timeout: float | None = HEAD_TIMEOUT
    body_timeout: float | None = BODY_TIMEOUT
    send_timeout: float | None = 60.0
    trusted_proxies: tuple[str, ...] = ()
    proxy_header: str | None = None


class ConnectionLimits(NamedTuple):
    """
    The numbers of connections, when the open files are known; ``None`` is no limit.

    Attributes:
        accepts_per_address: Per second.
    """

    total: int | None
    per_address: int | None
    per_user: int | None
    accepts_per_address: int | None


def connection_limits(limits: HubLimits) -> ConnectionLimits:
    """
    Work out the limits of connections.
    """
    total = _number(limits.max_connections, max_streams_of_files())
    share = None if total is None else max(_LEAST_SHARE, total // _SHARE)
    accepts = limits.max_accepts
    return ConnectionLimits(
        total,
        _number(limits.max_connections_per_address, share),
        _number(limits.max_connections_per_user, share),
        _number(
            limits.max_accepts_per_address,
            None if accepts is None else max(1, accepts // _SHARE),
        ),
    )


def _number(given: int | _Auto | None, automatic: int | None) -> int | None:
    return automatic if given == "auto" else given


def _topics(text: str) -> int:
    number = units.count(text)
    if number > MAX_TOPICS:
        raise ValueError(f"{text!r} is more than the {MAX_TOPICS} topics that an event may have")
    return number


def _proxy_header(text: str) -> str:
    if text.lower() not in PROXY_HEADERS:
        raise ValueError(f"{text!r} is neither X-Forwarded-For nor Forwarded")
    return text.lower()


#: The functions that read the values, by option.
READERS: Mapping[str, Callable[[str], Any]] = {
    "max-connections": units.limit(units.count),
    "max-connections-per-address": units.limit(units.count),
    "max-connections-per-user": units.limit(units.count),
    "max-accepts": units.limit(units.count),
    "max-accepts-per-address": units.limit(units.count),
    "max-streams": units.limit(units.count),
    "max-topics": units.limit(units.count),
    "max-publication-topics": units.limit(_topics),
    "max-publish-rate": units.limit(units.count),
    "max-body": units.limit(units.size),
    "handshake-timeout": units.interval,
    "head-timeout": units.interval,
    "body-timeout": units.interval,
    "send-timeout": units.interval,
    "proxy-header": _proxy_header,
}

_HELP = {
    "max-connections": (
        "The most subscribers, or none for no limit, as for all limits; one more is answered"
        " with 503 [as many as open files allow]."
    ),
    "max-connections-per-address": (
        "The most subscribers of one address; one more is answered with 429 [a quarter of"
        " all, at least 100]."
    ),
    "max-connections-per-user": (
        "The most subscribers of one user; one more is answered with 429 [the same]."
    ),
    "max-accepts": "The most new connections per second; others wait [1000].",
    "max-accepts-per-address": (
        "The most new connections per second of one address; others are closed [a quarter of all]."
    ),
    "max-streams": "The most streams on one HTTP/2 connection [256].",
    "max-topics": "The most topics in one subscription [100].",
    "max-publication-topics": "The most topics of one event, at most 100 [100].",
    "max-publish-rate": (
        "The most publications per second of one user or token; others are answered with 429"
        " [10000]."
    ),
    "max-body": "The largest body of a publishing request, in bytes [1MiB].",
    "handshake-timeout": "Seconds for a TLS handshake or a PROXY header [10].",
    "head-timeout": "Seconds for the request line and the headers of a request [10].",
    "body-timeout": "Seconds for a request's body, plus one for each KiB of it [30].",
    "send-timeout": "Disconnect a subscriber that takes nothing for this many seconds [60].",
    "proxy-header": (
        "The header in which trusted proxies report clients, X-Forwarded-For or Forwarded"
        " [X-Forwarded-For]."
    ),
}


class LimitOptions(usage.Options):
    """
    The options of all limits; Twisted adds those of a subclass to them.
    """

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        [name, None, None, text] for name, text in _HELP.items()
    ]

    def __init__(self) -> None:
        super().__init__()
        self["trusted-proxies"] = []

    def opt_trusted_proxy(self, text: str) -> None:
        """
        The network of proxies whose word about a client's address counts, or unix; repeatable.
        """
        self["trusted-proxies"].append(text)
