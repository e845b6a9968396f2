"""
On what terms connections are here: until when, and who is asked again.

Whoever may not stay, or cannot be asked, goes.  What a changed grant withholds
is withheld from where the connection stands; what the grant before it withheld,
and is passed, stays so: nothing is sent that precedes the position.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_sse.broker.audiences.index import AudienceIndex
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.connections.expiry import GrantExpiry
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.broker.connections.registry import Registry
from twisted_sse.broker.singleflight import SingleFlight
from twisted_sse.errors import Forbidden, Unauthorized

__all__ = ["Reauthorize", "Reauthorizer"]

#: Says what somebody is allowed now, or raises `Unauthorized` or `Forbidden`.
Reauthorize = Callable[[], "Grant | Awaitable[Grant]"]


class _Question:
    """
    Somebody is being asked, and these users' grants have changed since.
    """

    __slots__ = ("changed",)

    def __init__(self) -> None:
        self.changed: set[str] = set()


class Reauthorizer:
    """
    Holds connections to their grants.

    Only those whose grant ends, or names a user who can be asked for again, cost
    anything here.
    """

    _log = Logger()

    def __init__(
        self, connections: Registry, audiences: AudienceIndex, clock: IReactorTime
    ) -> None:
        self._connections = connections
        self._audiences = audiences
        self._clock = clock
        self._expiry = GrantExpiry(clock)
        self._asks: dict[Connection, Reauthorize] = {}
        self._questions: set[_Question] = set()
        self._reviews: SingleFlight[None] = SingleFlight()

    def hold(self, connection: Connection, grant: Grant, ask: Reauthorize | None = None) -> None:
        """
        Hold *connection*, which has just been admitted by *grant*, to it.

        Args:
            ask: Says what its grant is from now on; ``None``: nobody does.
        """
        if grant.state:
            connection.state.update(grant.state)
        self._remember(connection, grant, ask)

    def forget(self, connection: Connection) -> None:
        """
        *connection* has ended.
        """
        self._asks.pop(connection, None)
        self._expiry.forget(connection)

    def ask(self, ask: Reauthorize, user: str | None = None) -> Grant | Deferred[Grant]:
        """
        Find out what somebody is allowed, *user* if that is known.

        An answer that comes later is asked for again if that user's grant, or
        the grant of whom it names, was changed meanwhile: it may have been
        looked up before.
        """
        granted = ask()
        if isinstance(granted, Grant):
            return granted
        return Deferred.fromCoroutine(self._wait_for(granted, ask, user))

    def changed(self, user: str) -> Deferred[list[Connection]]:
        """
        See `Hub.grant_changed`.
        """
        for question in self._questions:
            question.changed.add(user)
        found = [one for one in self._connections.of_user(user) if one in self._asks]
        reviews = [self._reviews.call(one, partial(self._start, one)) for one in found]
        return gatherResults(reviews).addCallback(lambda _: found)

    async def _wait_for(
        self, granted: Awaitable[Grant], ask: Reauthorize, user: str | None
    ) -> Grant:
        question = _Question()
        self._questions.add(question)
        try:
            while True:
                grant = await granted
                if question.changed.isdisjoint({user, grant.user}):
                    return grant
                question.changed.clear()
                again = ask()
                if isinstance(again, Grant):
                    return again
                granted = again
        finally:
            self._questions.discard(question)

    def _start(self, connection: Connection) -> Deferred[None]:
        return Deferred.fromCoroutine(self._review(connection))

    async def _review(self, connection: Connection) -> None:
        """
        Have *connection* go by what it is allowed now, or go.
        """
        try:
            grant = self.ask(self._asks[connection], connection.user)
            if not isinstance(grant, Grant):
                grant = await grant
            grant.check_time(self._clock.seconds())
            if connection.ended is None:
                self._apply(grant, connection)
        except (Unauthorized, Forbidden):
            connection.dismiss(EndReason.REVOKED)
        except Exception:
            if connection.ended is None:
                self._log.failure("A grant could not be asked for again, so the stream ends")
                connection.dismiss(EndReason.FAILED)

    def _apply(self, grant: Grant, connection: Connection) -> None:
        before, interest = connection.audience, grant.interest(connection.topics)
        if interest != before.interest:
            if not connection.detach():
                self._clock.callLater(0, self._again, connection)
                return
            moved = self._audiences.enter(interest, before.representation, before.framing)
            connection.attach(moved)
            self._audiences.exit(before)
        connection.user = grant.user
        self._remember(connection, grant, self._asks.pop(connection))

    def _remember(self, connection: Connection, grant: Grant, ask: Reauthorize | None) -> None:
        self._expiry.plan(connection, grant.expires)
        # Who has no name cannot be found again, and a request takes 5 KB.
        if ask is not None and grant.user is not None:
            self._asks[connection] = ask

    def _again(self, connection: Connection) -> None:
        if connection in self._asks:
            self._reviews.call(connection, partial(self._start, connection))
