"""
Authorities, and the connections that end when they are revoked.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import Subscriber, make_hub
from twisted_sse import EndReason, Grant
from twisted_sse.broker.connections.authority import Authority

__all__ = ["AuthorityTests", "GrantTests", "RevocationTests"]


class AuthorityTests(SynchronousTestCase):
    """
    `Authority`.
    """

    def test_revoke(self) -> None:
        """
        Whoever holds it is told once, and those who do not any more are not.
        """
        authority, told = Authority(), list[str]()
        authority.hold("a", told.append)
        authority.hold("b", told.append)
        authority.forget("b")
        authority.forget("unknown")
        self.assertEqual(len(authority), 1)

        self.assertEqual(authority.revoke(), 1)
        self.assertEqual(authority.revoke(), 0)

        self.assertEqual(told, ["a"])

    def test_too_late(self) -> None:
        """
        After it was revoked it vouches for nobody.
        """
        authority, told = Authority(), list[str]()
        authority.revoke()
        authority.hold("a", told.append)

        self.assertEqual((told, len(authority)), (["a"], 0))


class RevocationTests(SynchronousTestCase):
    """
    Connections of a hub.
    """

    def test_end(self) -> None:
        """
        The streams of an authority end, and no others.
        """
        hub, clock = make_hub()
        authority = Authority()
        ending = Subscriber(hub, "a", grant=Grant(public=True, authority=authority))
        staying = Subscriber(hub, "a", grant=Grant(public=True, authority=Authority()))
        authority.revoke()
        clock.advance(0)

        self.assertIs(ending.connection.ended, EndReason.REVOKED)
        self.assertIsNone(staying.connection.ended)

    def test_many(self) -> None:
        """
        A few end in each turn of the reactor.
        """
        hub, clock = make_hub()
        authority = Authority()
        for _ in range(120):
            Subscriber(hub, "a", grant=Grant(public=True, authority=authority))
        authority.revoke()
        counts: list[int] = []

        def turn() -> None:
            counts.append(len(hub.connections))
            if counts[-1]:
                clock.callLater(0, turn)

        clock.callLater(0, turn)
        clock.advance(0)

        self.assertEqual(counts, [70, 20, 0])

    def test_forgotten(self) -> None:
        """
        A connection that has ended is not held any more.
        """
        hub, _ = make_hub()
        authority = Authority()
        subscriber = Subscriber(hub, "a", grant=Grant(public=True, authority=authority))
        self.assertEqual(len(authority), 1)
        subscriber.leave()

        self.assertEqual(len(authority), 0)

    def test_new_grant(self) -> None:
        """
        After a new grant of another authority, only that one counts.
        """
        hub, clock = make_hub()
        old, new = Authority(), Authority()
        grants = [Grant("ada", public=True, authority=one) for one in (old, new)]
        subscriber = Subscriber(hub, "a", grant=grants[0], reauthorize=lambda: grants[1])
        self.successResultOf(hub.grant_changed("ada"))
        old.revoke()
        clock.advance(0)
        self.assertIsNone(subscriber.connection.ended)

        new.revoke()
        clock.advance(0)
        self.assertIs(subscriber.connection.ended, EndReason.REVOKED)


class GrantTests(SynchronousTestCase):
    """
    What a grant says beside its topics.
    """

    def test_payloads(self) -> None:
        """
        The first pair that selects a topic counts.
        """
        grant = Grant(payloads=[(["a", "b/{x}"], 1), ("b/1", 2), (["*"], None)])

        self.assertEqual([grant.payload_of(one) for one in ("a", "b/1", "c")], [1, 1, None])
        self.assertIsNone(Grant().payload_of("a"))

    def test_equal(self) -> None:
        """
        Grants differ if their payloads or their authorities do.
        """
        authority = Authority()

        self.assertEqual(
            Grant(payloads=[("a", [1])], authority=authority),
            Grant(payloads=[("a", [1])], authority=authority),
        )
        self.assertNotEqual(Grant(payloads=[("a", [1])]), Grant(payloads=[("a", [2])]))
        self.assertNotEqual(Grant(authority=authority), Grant(authority=Authority()))

    def test_representation(self) -> None:
        """
        The representation, which may be logged, has no payload.
        """
        self.assertNotIn("secret", repr(Grant(payloads=[("a", "secret")])))
