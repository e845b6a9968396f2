"""
Who may look at a hub from outside, and close connections.

With an `authorize` function: whoever may read and publish everything.  Without one:
every program of this machine, but no page of another site.  A browser connects to a
loopback address for any page, so the header ``Host`` must name this machine, or else a
name of the page's own would lead here (DNS rebinding).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable

from twisted.internet.address import UNIXAddress
from twisted.web.server import Request

from twisted_sse.broker.connections.grant import ANONYMOUS, Grant, check_grant
from twisted_sse.errors import Forbidden, Unauthorized
from twisted_sse.web.auth import NOTHING, BearerTokens
from twisted_sse.web.csrf import is_own_origin
from twisted_sse.web.problem import Problem
from twisted_sse.web.resource import Authorize

__all__ = ["AdminAccess", "AdminTokens", "check_page"]

_EVERYTHING = Grant(subscribe=["*"], publish=["*"], public=True)

# The names of this machine that nobody else can have; RFC 6761, 6.3 for localhost.
_LOCAL = re.compile(rb"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?")

# RFC 9110, 11.6.1: several challenges are one list.  Browsers ask for the token as the
# password of Basic, because an `EventSource` sends no other.
_CHALLENGE = 'Basic realm="twisted_sse admin", charset="UTF-8", Bearer'


class AdminAccess:
    """
    An `Authorize` function.

    Args:
        authorize: Returns the grant of a request; ``None`` for everybody on this machine.

        now: Returns the date, in seconds since 1970: grants expire by it.
    """

    def __init__(self, authorize: Authorize | None, now: Callable[[], float]) -> None:
        self._authorize = authorize
        self._now = now

    def __call__(self, request: Request) -> Grant | Awaitable[Grant]:
        """
        See `twisted_sse.web.resource.Authorize`.
        """
        if self._authorize is None:
            _check_host(request)
            return _EVERYTHING
        granted = self._authorize(request)
        if isinstance(granted, Awaitable):
            return self._check_later(granted)
        return self._checked(granted)

    async def still_admits(self, request: Request) -> bool:
        """
        Return whether a request that was admitted would be admitted now.
        """
        try:
            granted = self(request)
            if isinstance(granted, Awaitable):
                await granted
        except (Problem, Unauthorized, Forbidden):
            return False
        return True

    async def _check_later(self, granted: Awaitable[Grant]) -> Grant:
        return self._checked(await granted)

    def _checked(self, grant: Grant) -> Grant:
        check_grant(grant).check_time(self._now())
        if _is_everything(grant):
            return grant
        if grant is ANONYMOUS or grant is NOTHING:
            raise Unauthorized("Send a token that may read and publish everything.")
        raise Forbidden("This is for those who may read and publish everything, by * for both.")


class AdminTokens:
    """
    An `Authorize` function for tokens as ``Authorization: Bearer TOKEN``, or as the
    password of any user, which browsers ask for.
    """

    def __init__(self, tokens: BearerTokens) -> None:
        self._tokens = tokens

    def __call__(self, request: Request) -> Grant:
        """
        See `twisted_sse.web.resource.Authorize`.
        """
        sent = _token_of(request)
        grant = None if sent is None else self._tokens.grant_of(sent)
        if grant is None:
            wrong = "This token is not known here" if sent else "A token is needed here"
            detail = f"{wrong}: send Authorization: Bearer TOKEN, or the token as a password."
            raise Problem(401, detail, {"WWW-Authenticate": _CHALLENGE})
        return grant


def check_page(request: Request) -> None:
    """
    Refuse *request*, which changes something, if a page of another site has made it.

    Raises:
        Problem: It has.
    """
    origin = request.getHeader(b"Origin")
    site = request.getHeader(b"Sec-Fetch-Site")
    if site == b"same-origin":
        return
    if site not in (None, b"none") or (origin is not None and not is_own_origin(origin, request)):
        raise Problem(403, "Only the pages of this server may do this, and programs.")


def _check_host(request: Request) -> None:
    # Browsers do not connect to UNIX sockets.
    if isinstance(request.getHost(), UNIXAddress):
        return
    host = (request.getHeader(b"Host") or b"").lower()
    if not _LOCAL.fullmatch(host):
        raise Problem(421, "Use the name localhost for this server, or one of its addresses.")


def _is_everything(grant: Grant) -> bool:
    granted = (grant.subscribe, grant.publish)
    return all(one is not None and one.everything for one in granted)


def _token_of(request: Request) -> bytes | None:
    scheme, _, value = (request.getHeader(b"Authorization") or b"").strip().partition(b" ")
    if scheme.lower() == b"bearer":
        return value.strip() or None
    if scheme.lower() != b"basic":
        return None
    try:
        pair = base64.b64decode(value.strip(), validate=True)
    except binascii.Error:
        return None
    return pair.partition(b":")[2] or None
