"""
Revoking what grants came from ends their streams.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import Subscriber, make_hub
from twisted_sse import Grant
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.connections.revocation import Revocable
from twisted_sse.errors import HubClosed

__all__ = ["RevocableTests", "StreamTests"]


class Recorded:
    """
    Records why it is dismissed, and then raises what it was given.
    """

    def __init__(self, error: Exception | None = None) -> None:
        self.reasons: list[EndReason] = []
        self.error = error

    def dismiss(self, reason: EndReason) -> None:
        """
        See `Connection.dismiss`.
        """
        self.reasons.append(reason)
        if self.error is not None:
            raise self.error


class RevocableTests(SynchronousTestCase):
    """
    `Revocable`.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.source = Revocable()

    def test_many(self) -> None:
        """
        Many connections end over several turns of the reactor, each once.
        """
        many = [Recorded() for _ in range(250)]
        for one in many:
            self.source.hold(one)
        count = self.source.revoke(self.clock)
        at_once = sum(len(one.reasons) for one in many)
        self.clock.pump([0, 0, 0])

        self.assertEqual((count, at_once), (250, 100))
        self.assertEqual([one.reasons for one in many], [[EndReason.REVOKED]] * 250)

    def test_forgotten(self) -> None:
        """
        A connection that was forgotten stays.
        """
        gone, stays = Recorded(), Recorded()
        for one in (gone, stays):
            self.source.hold(one)
        self.source.forget(stays)
        self.source.forget(Recorded())

        self.assertEqual(self.source.revoke(self.clock), 1)
        self.assertEqual((len(gone.reasons), len(stays.reasons)), (1, 0))

    def test_late(self) -> None:
        """
        A connection that comes after the revocation ends at once.
        """
        self.source.revoke(self.clock)
        late = Recorded()
        self.source.hold(late)

        self.assertEqual(late.reasons, [EndReason.REVOKED])

    def test_failure(self) -> None:
        """
        If one cannot be ended, the others are.
        """
        others = [Recorded(ZeroDivisionError()), Recorded()]
        for one in others:
            self.source.hold(one)
        self.source.revoke(self.clock)

        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(others[1].reasons), 1)


class StreamTests(SynchronousTestCase):
    """
    Streams of a hub.
    """

    def setUp(self) -> None:
        self.hub, self.clock = make_hub()
        self.grant = Grant(subscribe=["*"], public=True)
        self.grant.source = Revocable()

    def test_ended(self) -> None:
        """
        A stream ends with the reason; one that has ended before is forgotten.
        """
        stays, left, ends = (
            Subscriber(self.hub, "a", grant=grant)
            for grant in (Grant(public=True), self.grant, self.grant)
        )
        self.clock.advance(0)
        left.connection.close()
        count = self.grant.source.revoke(self.clock)

        self.assertEqual(count, 1)
        self.assertEqual(ends.connection.ended, EndReason.REVOKED)
        self.assertEqual(left.connection.ended, EndReason.CLOSED)
        self.assertIsNone(stays.connection.ended)

    def test_before_it_begins(self) -> None:
        """
        A stream whose token is removed before it begins is refused.
        """
        self.grant.source.revoke(self.clock)
        subscriber = Subscriber(self.hub, "a", grant=self.grant)
        self.clock.advance(0)

        self.failureResultOf(subscriber.located, HubClosed)
        self.assertEqual(len(self.hub.connections), 0)
