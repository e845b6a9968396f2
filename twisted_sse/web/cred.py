"""
Log in with twisted.cred: each avatar is a stream that has its user's grant.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.cred.checkers import ANONYMOUS as NOBODY
from twisted.cred.portal import IRealm
from twisted.web.resource import IResource
from twisted.web.server import Request
from zope.interface import Interface, implementer

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.web.resource import Authorize, everybody

__all__ = ["GrantOf", "GrantRealm"]

#: Says what the user of this name is allowed, or raises as `Authorize` does.
GrantOf = Callable[[str], "Grant | Awaitable[Grant]"]


@implementer(IRealm)
class GrantRealm:
    """
    Makes the avatars of a `twisted.cred.portal.Portal`.

    Who is let in anonymously may read what is not private.

    Args:
        grant_of: Asked for every request, and again when the grant of the user
            has changed; the password is not.

        make_resource: Makes the resource that goes by an `Authorize` function,
            as `Hub.resource` does.
    """

    def __init__(self, grant_of: GrantOf, make_resource: Callable[[Authorize], IResource]) -> None:
        self._grant_of = grant_of
        self._make_resource = make_resource

    def requestAvatar(
        self, avatarId: bytes | str | tuple[()], mind: object, *interfaces: type[Interface]
    ) -> tuple[type[Interface], IResource, Callable[[], None]]:
        """
        See `IRealm.requestAvatar`.
        """
        if IResource not in interfaces:
            raise NotImplementedError("The avatars of this realm are resources of twisted.web.")
        return IResource, self._make_resource(self._authorize(avatarId)), _log_out

    def _authorize(self, avatar_id: Any) -> Authorize:
        if avatar_id == NOBODY:
            return everybody
        # Most checkers hand out bytes, as they came.
        user = avatar_id.decode("utf-8") if isinstance(avatar_id, bytes) else avatar_id

        def ask(request: Request) -> Grant | Awaitable[Grant]:
            return self._grant_of(user)

        return ask


def _log_out() -> None:
    """
    Nothing: what a stream holds is let go when it ends.

    ``HTTPAuthSessionWrapper`` calls this when the request is finished, and a
    stream over plain HTTP/1 has no request any more that could be.
    """
