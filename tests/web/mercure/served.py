"""
A hub in memory that speaks Mercure, with users that are known by the names of their tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.web.server import Request

from tests.support.http import Caller, Served
from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.errors import Unauthorized
from twisted_sse.web.auth import bearer_token

__all__ = ["FORM", "HUB", "ServedMercure", "as_user", "authorize"]

HUB = "/.well-known/mercure"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

GRANTS = {
    b"all": Grant("all", subscribe=["*"], publish=["*"], public=True),
    b"books": Grant("books", subscribe=["books/{id}"], publish=["books/{id}"], public=True),
    b"reader": Grant("reader", subscribe=["*"], public=True),
    b"nobody": Grant("nobody", public=True),
}


def authorize(request: Request) -> Grant:
    """
    See `twisted_sse.web.resource.Authorize`.
    """
    token = bearer_token(request)
    if token is None:
        return ANONYMOUS
    if token not in GRANTS:
        raise Unauthorized("This token is not known here.")
    return GRANTS[token]


def as_user(name: str, headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    The headers of a request by the user *name*.
    """
    return {"Authorization": f"Bearer {name}", **(headers or {})}


class ServedMercure(Served):
    """
    Serve Mercure with the given arguments of `MercureResource`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(authorize=authorize, mercure=options)

    def subscribe(self, query: str, user: str | None = None) -> Caller:
        """
        Open a stream, and let it begin.
        """
        caller = self.call("GET", f"{HUB}?{query}", {} if user is None else as_user(user))
        caller.read_on()
        self.clock.advance(0)
        return caller
