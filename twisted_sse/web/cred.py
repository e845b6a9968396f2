"""
Authentication by twisted.cred: every avatar is a stream with the grant of its user.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.cred.checkers import ANONYMOUS as ANONYMOUS_ID
from twisted.cred.portal import IRealm
from twisted.web.resource import IResource
from twisted.web.server import Request
from zope.interface import Interface, implementer

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.web.resource import Authorize, everybody

__all__ = ["GrantOf", "GrantRealm"]

#: Returns the grant of the user with this name, or raises as `Authorize` does.
GrantOf = Callable[[str], "Grant | Awaitable[Grant]"]


@implementer(IRealm)
class GrantRealm:
    """
    The realm of a `twisted.cred.portal.Portal`.

    Anonymous users may read what is not private.

    Args:
        grant_of: Called for every request, and again when the user's grant has
            changed.  The password is not checked again then.

        make_resource: Makes a resource from an `Authorize` function, as
            `Hub.resource` does.
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
            raise NotImplementedError(
                "The avatars of this realm are twisted.web resources: ask for IResource."
            )
        return IResource, self._make_resource(self._authorize(avatarId)), _log_out

    def _authorize(self, avatar_id: Any) -> Authorize:
        if avatar_id == ANONYMOUS_ID:
            return everybody
        # Most checkers return the bytes that the client sent.
        user = avatar_id.decode("utf-8") if isinstance(avatar_id, bytes) else avatar_id

        def authorize(request: Request) -> Grant | Awaitable[Grant]:
            return self._grant_of(user)

        return authorize


def _log_out() -> None:
    """
    Do nothing: a stream releases everything itself when it ends.

    ``HTTPAuthSessionWrapper`` calls this when the request is finished, which a
    stream over plain HTTP/1 never reports.
    """
