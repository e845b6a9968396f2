"""
Keeps every open connection within its grant: closes it when the grant expires or is
revoked, and re-authorizes it when the user's grant changes.

A stream whose user has lost access, or whose grant cannot be looked up, ends.  A new
grant counts from the connection's position on: events before that position are
never sent, even if only the new grant covers them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.audiences.index import AudienceIndex
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.connections.expiry import GrantExpiry
from twisted_sse.broker.connections.grant import Grant, check_grant
from twisted_sse.broker.connections.registry import Registry
from twisted_sse.broker.connections.revocation import Revocation
from twisted_sse.broker.singleflight import SingleFlight
from twisted_sse.clock import dates_of
from twisted_sse.errors import Forbidden, Unauthorized

__all__ = ["Reauthorize", "Reauthorizer"]

#: Returns the grant as it is now, or raises `Unauthorized` or `Forbidden`.
Reauthorize = Callable[[], "Grant | Awaitable[Grant]"]


class _Lookup:
    """
    A grant is being looked up, and the grants of these users have changed meanwhile.
    """

    __slots__ = ("changed",)

    def __init__(self) -> None:
        self.changed: set[str] = set()


class Reauthorizer:
    """
    Closes and re-authorizes connections.

    A connection costs something here only if its grant expires, names an authority, or
    names a user and can be looked up again.

    Args:
        changed: Told of each connection that has another grant.
    """

    _log = Logger()

    def __init__(
        self,
        connections: Registry,
        audiences: AudienceIndex,
        clock: IReactorTime,
        changed: Callable[[Connection, Grant], None] = lambda connection, grant: None,
        moved: Callable[[Audience], object] = lambda audience: None,
    ) -> None:
        self._connections = connections
        self._audiences = audiences
        self._clock = clock
        self._changed = changed
        self._moved = moved
        self._now = dates_of(clock)
        self._expiry = GrantExpiry(clock)
        self._revocation = Revocation(clock)
        self._reauthorize: dict[Connection, Reauthorize] = {}
        self._lookups: set[_Lookup] = set()
        self._reviews: SingleFlight[None] = SingleFlight()

    def hold(
        self, connection: Connection, grant: Grant, reauthorize: Reauthorize | None = None
    ) -> None:
        """
        Keep *connection*, which has just been admitted, within *grant*.

        Args:
            reauthorize: Looks the grant up again; ``None`` if that is impossible.
        """
        if grant.state:
            connection.state.update(grant.state)
        self._remember(connection, grant, reauthorize)

    def forget(self, connection: Connection) -> None:
        """
        Release *connection*, which has ended.
        """
        self._reauthorize.pop(connection, None)
        self._expiry.forget(connection)
        self._revocation.forget(connection)

    def ask(self, reauthorize: Reauthorize, user: str | None = None) -> Grant | Deferred[Grant]:
        """
        Look up a grant.

        If the grant comes later, and the grant of *user* or of the user that it
        names has changed meanwhile, it is looked up again, because it may be the
        old one.

        Args:
            user: The user, if that is known.
        """
        granted = reauthorize()
        if isinstance(granted, Awaitable):
            return Deferred.fromCoroutine(self._wait_for(granted, reauthorize, user))
        return check_grant(granted)

    def changed(self, user: str) -> Deferred[list[Connection]]:
        """
        See `Hub.grant_changed`.
        """
        for lookup in self._lookups:
            lookup.changed.add(user)
        found = [one for one in self._connections.of_user(user) if one in self._reauthorize]
        reviews = [self._reviews.call(one, partial(self._start, one)) for one in found]
        return gatherResults(reviews).addCallback(lambda _: found)

    async def _wait_for(
        self, granted: Awaitable[Grant], reauthorize: Reauthorize, user: str | None
    ) -> Grant:
        lookup = _Lookup()
        self._lookups.add(lookup)
        try:
            while True:
                grant = check_grant(await granted)
                if lookup.changed.isdisjoint({user, grant.user}):
                    return grant
                lookup.changed.clear()
                again = reauthorize()
                if not isinstance(again, Awaitable):
                    return check_grant(again)
                granted = again
        finally:
            self._lookups.discard(lookup)

    def _start(self, connection: Connection) -> Deferred[None]:
        return Deferred.fromCoroutine(self._review(connection))

    async def _review(self, connection: Connection) -> None:
        """
        Apply the grant as it is now to *connection*, or end it.
        """
        try:
            grant = self.ask(self._reauthorize[connection], connection.user)
            if not isinstance(grant, Grant):
                grant = await grant
            grant.check_time(self._now())
            if connection.ended is None:
                self._apply(grant, connection)
        except (Unauthorized, Forbidden):
            connection.dismiss(EndReason.REVOKED)
        except Exception:
            if connection.ended is None:
                self._log.failure("A grant could not be looked up again, so the stream ends")
                connection.dismiss(EndReason.FAILED)

    def _apply(self, grant: Grant, connection: Connection) -> None:
        before, interest = connection.audience, grant.interest(connection.topics)
        if interest != before.interest:
            if not connection.detach():
                self._clock.callLater(0, self._again, connection)
                return
            representation = before.representation.within(interest)
            moved = self._audiences.enter(interest, representation, before.framing)
            connection.attach(moved)
            self._audiences.exit(before)
            self._moved(moved)
        self._connections.set_user(connection, grant.user)
        self._remember(connection, grant, self._reauthorize.pop(connection))
        self._changed(connection, grant)

    def _remember(
        self, connection: Connection, grant: Grant, reauthorize: Reauthorize | None
    ) -> None:
        self._expiry.plan(connection, grant.expires)
        self._revocation.hold(connection, grant.authority)
        # A connection without a user cannot be found again, and its request takes 5 KB.
        if reauthorize is not None and grant.user is not None:
            self._reauthorize[connection] = reauthorize

    def _again(self, connection: Connection) -> None:
        if connection in self._reauthorize:
            self._reviews.call(connection, partial(self._start, connection))
