"""
The metadata of a hub as a protected resource: which tokens it takes, and from where.

Follows https://www.rfc-editor.org/rfc/rfc9728.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from twisted.web.server import Request

from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.web.cors import CORS
from twisted_sse.web.mercure.documents import MATCHER_TYPES
from twisted_sse.web.mercure.location import HubLocation
from twisted_sse.web.mercure.protected import ProtectedResource
from twisted_sse.web.problem import Problem
from twisted_sse.web.tokens.mercure1 import DETAIL_TYPE

__all__ = ["MetadataResource"]


class MetadataResource(ProtectedResource):
    """
    Belongs at ``/.well-known/oauth-protected-resource`` and the path of the hub.

    Args:
        authorization_servers: The URLs of those that give out tokens.

        cookie: The name of the cookie that may have a token; ``None`` if none may.

        subscriptions: Whether the hub tells which subscriptions are active.
    """

    def __init__(
        self,
        cors: CORS,
        location: HubLocation,
        *,
        authorization_servers: Sequence[str],
        cookie: str | None,
        subscriptions: bool,
    ) -> None:
        handlers = {"GET": self._get, "HEAD": self._get}
        super().__init__(handlers, _anybody, cors, location, describes_itself=False)
        self._document: dict[str, Any] = {
            "bearer_methods_supported": ["header"],
            "authorization_details_types_supported": [DETAIL_TYPE],
            "mercure_matcher_types_supported": [one for one in MATCHER_TYPES if one[:3] != "uri"],
        }
        if authorization_servers:
            self._document["authorization_servers"] = list(authorization_servers)
        if cookie is not None:
            self._document["mercure_cookie"] = cookie
        if subscriptions:
            self._document["mercure_subscriptions"] = True

    def _get(self, request: Request, grant: Grant) -> None:
        url = self._location.url(request)
        if url is None:
            raise Problem(400, "The header Host is not a host.")
        body = json.dumps({"resource": url, **self._document}).encode("utf-8")
        headers = request.responseHeaders
        headers.setRawHeaders(b"Content-Type", [b"application/json"])
        headers.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
        # Without public URLs it differs by host.
        headers.addRawHeader(b"Vary", b"Host")
        request.write(body)
        request.finish()


def _anybody(request: Request) -> Grant:
    return ANONYMOUS
