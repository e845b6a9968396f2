"""
Counts what limits have refused: one counter for each limit, in one place.

The numbers are exported by `twisted_sse.web.admin.metrics`, so each limit has its name here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from twisted.logger import Logger

__all__ = ["LIMITS", "METRIC", "Refusals"]

#: The name of the metric; the limit is its label ``limit``.
METRIC = "twisted_sse_refused_total"

#: Every limit, with what it refuses.
LIMITS: Mapping[str, str] = {
    "connections": "a stream, because the hub has as many as it may have",
    "connections_per_address": "a stream, because its address has as many as it may have",
    "connections_per_user": "a stream, because its user has as many as it may have",
    "sockets": "a socket, or a stream that needs one",
    "sockets_per_address": "a socket, because its address has as many as it may have",
    "streams": "an HTTP/2 stream, because its connection has as many as it may have",
    "accepts": "to accept connections for a moment, because too many arrive",
    "accepts_per_address": "a connection, because too many arrive from its address",
    "proxies": "a connection to a PROXY port, because it is not from a trusted proxy",
    "handshake_timeout": "a connection that did not begin in time",
    "head_timeout": "a request whose headers did not arrive in time",
    "body_timeout": "a request whose body did not arrive in time",
    "request_line": "a request whose URL is too long",
    "headers": "a request whose headers are too large",
    "body": "a request whose body is too large",
    "topics": "a subscription with too many topics",
    "publication_topics": "a publication with too many topics",
    "publish_rate": "a publication, because its publisher has sent too many",
}


class Refusals:
    """
    The numbers of refusals, by limit.

    Iteration gives pairs of a limit and its number, for all of `LIMITS`.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._numbers = dict.fromkeys(LIMITS, 0)

    def __getitem__(self, limit: str) -> int:
        return self._numbers[limit]

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(list(self._numbers.items()))

    def count(self, limit: str) -> None:
        """
        Count one refusal.  The log shows the first one of each limit.

        Args:
            limit: One of `LIMITS`.
        """
        number = self._numbers[limit] = self._numbers[limit] + 1
        if number == 1:
            # Once, so that a client above a limit does not fill the log.
            self._log.info(
                "The limit {limit} has refused {what}; further refusals are only counted",
                limit=limit,
                what=LIMITS[limit],
            )
