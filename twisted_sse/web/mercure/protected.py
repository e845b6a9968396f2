"""
The base of the hub's resources: it refuses other hosts, and its error answers say where
the metadata is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping

from twisted.web.server import Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.transport.refusals import Refusals
from twisted_sse.web.content import MAX_BODY
from twisted_sse.web.cors import CORS
from twisted_sse.web.csrf import OriginCheck
from twisted_sse.web.mercure.location import HubLocation
from twisted_sse.web.problem import Problem
from twisted_sse.web.resource import Authorize, Handler, MethodResource

__all__ = ["ProtectedResource"]

_CHALLENGE = "WWW-Authenticate"


class ProtectedResource(MethodResource):
    """
    A resource of a hub.

    Args:
        describes_itself: Whether there is metadata by RFC 9728, which error answers
            refer to.

    The other arguments are those of `MethodResource`.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        authorize: Authorize,
        cors: CORS,
        location: HubLocation,
        *,
        describes_itself: bool,
        publishing: Collection[str] = (),
        max_body: int | None = MAX_BODY,
        publish_authorize: Authorize | None = None,
        origins: OriginCheck | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        self._location = location
        self._describes_itself = describes_itself
        super().__init__(
            handlers,
            self._checked(authorize),
            cors,
            publishing=publishing,
            max_body=max_body,
            origins=origins,
            refusals=refusals,
            publish_authorize=None
            if publish_authorize is None
            else self._checked(publish_authorize),
        )

    def _checked(self, authorize: Authorize) -> Authorize:
        """
        Refuse requests to other hosts before *authorize* is called.
        """

        def checked(request: Request) -> Grant | Awaitable[Grant]:
            self._location.check(request)
            return authorize(request)

        return checked

    def completed(self, problem: Problem, request: Request) -> Problem:
        """
        See `MethodResource.completed`.
        """
        challenge = problem.headers.get(_CHALLENGE)
        url = self._location.metadata_url(request) if self._describes_itself else None
        # RFC 9728, 5.1: "A protected resource MAY use the WWW-Authenticate HTTP response
        # header field [...] to return a URL to its protected resource metadata".
        if challenge is None or url is None:
            return problem
        separator = " " if challenge == "Bearer" else ", "
        full = f'{challenge}{separator}resource_metadata="{url}"'
        return Problem(
            problem.status,
            problem.detail,
            {**problem.headers, _CHALLENGE: full},
            problem.members,
        )
