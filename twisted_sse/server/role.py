"""
What one process does for its hub.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.interfaces import IStreamServerEndpoint

from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.server.listening import endpoint_for

__all__ = ["MakeEndpoint", "Role", "fresh_endpoint"]


#: Makes the endpoint for a description, given the reactor and the number of the
#: description in the configuration.
MakeEndpoint = Callable[[Any, int, str], IStreamServerEndpoint]


def fresh_endpoint(reactor: Any, index: int, description: str) -> IStreamServerEndpoint:
    """
    Make an endpoint that opens a socket.
    """
    return endpoint_for(reactor, description)


@dataclass(frozen=True, kw_only=True)
class Role:
    """
    The role of a process.  The defaults are those of one that is alone.

    Attributes:
        token: May publish, if the configuration has no tokens.

        history: In place of the configured one; ``None`` for that.

        endpoint: Makes the endpoints.

        accepts: Whether it accepts connections.

        leads: Whether it handles the signals of the process, and greets the user.

        demo: Whether it publishes the demo topics, if the configuration asks for them.
    """

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    history: IHistoryProvider | None = None
    endpoint: MakeEndpoint = fresh_endpoint
    accepts: bool = True
    leads: bool = True
    demo: bool = True
