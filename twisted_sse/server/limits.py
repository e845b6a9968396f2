"""
How many connections a standalone hub takes, where the options leave that to it.
"""

from __future__ import annotations

from typing import NamedTuple

from twisted_sse.server.config.config import Config, ConnectionLimit
from twisted_sse.server.config.kinds import AUTO
from twisted_sse.server.socketlimits import max_streams_of_files

__all__ = ["ConnectionLimits", "connection_limits"]

# One address or user gets a quarter of all connections, and of those that are accepted,
# so that nobody alone can take the places of others; but at least as many as a school
# behind one address needs.
_SHARE = 4
_LEAST_SHARE = 100


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


def connection_limits(config: Config) -> ConnectionLimits:
    """
    Work out the limits of connections.
    """
    total = _number(config.max_connections, max_streams_of_files())
    share = None if total is None else max(_LEAST_SHARE, total // _SHARE)
    accepts = config.max_accepts
    return ConnectionLimits(
        total,
        _number(config.max_connections_per_address, share),
        _number(config.max_connections_per_user, share),
        _number(
            config.max_accepts_per_address,
            None if accepts is None else max(1, accepts // _SHARE),
        ),
    )


def _number(given: ConnectionLimit, automatic: int | None) -> int | None:
    return automatic if given == AUTO else given
