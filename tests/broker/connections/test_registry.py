"""
Who is connected, and how many more there may be.
"""

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import Subscriber, make_hub
from twisted_sse import Grant, Hub
from twisted_sse.errors import (
    TooManyConnections,
    TooManyConnectionsFromAddress,
    TooManyConnectionsOfUser,
)

__all__ = ["FindingTests", "LimitTests"]


def at(host: str, port: int = 1) -> IPv4Address:
    """
    A network address.
    """
    return IPv4Address("TCP", host, port)


def at6(host: str) -> IPv6Address:
    """
    An IPv6 address.
    """
    return IPv6Address("TCP", host, 1)


class FindingTests(SynchronousTestCase):
    """
    Finding connections.
    """

    def setUp(self) -> None:
        """
        A hub.
        """
        self.hub, self.clock = make_hub()

    def test_count(self) -> None:
        """
        Connections count from their coming to their end.
        """
        one, two = Subscriber(self.hub, "a"), Subscriber(self.hub, "a")
        self.assertEqual(len(self.hub.connections), 2)
        self.assertIn(one.connection, self.hub.connections)

        one.leave()
        self.assertEqual(list(self.hub.connections), [two.connection])
        self.assertNotIn(one.connection, self.hub.connections)

    def test_iterating(self) -> None:
        """
        Connections may end, and come, while they are gone through.
        """
        for _ in range(5):
            Subscriber(self.hub, "a")
        seen = 0
        for connection in self.hub.connections:
            seen += 1
            for other in self.hub.connections:
                if other is not connection:
                    other.close()
            Subscriber(self.hub, "a")

        self.assertEqual(seen, 5)

    def test_of_user(self) -> None:
        """
        Those of one user, wherever they are.
        """
        ada = [Subscriber(self.hub, topic, grant=Grant("ada", public=True)) for topic in "ab"]
        Subscriber(self.hub, "a", grant=Grant("bob", public=True))
        Subscriber(self.hub, "a")

        self.assertEqual(self.hub.connections.of_user("ada"), [one.connection for one in ada])
        self.assertEqual(self.hub.connections.of_user("eve"), [])

    def test_of_topic(self) -> None:
        """
        Those who want a topic, by name, pattern or `*`.
        """
        wanting = [Subscriber(self.hub, *topics) for topics in (["a", "b"], ["*"], ["{x}"])]
        Subscriber(self.hub, "b")

        found = self.hub.connections.of_topic("a")
        self.assertEqual(found, [one.connection for one in wanting])


class LimitTests(SynchronousTestCase):
    """
    Refusing newcomers.
    """

    def _come(self, hub: Hub, address: IAddress) -> Subscriber:
        return Subscriber(hub, "a", address=address)  # type: ignore[arg-type]

    def test_all(self) -> None:
        """
        One too many is refused, and is welcome when somebody has left.
        """
        hub, _ = make_hub(max_connections=2)
        first = self._come(hub, at("192.0.2.1"))
        self._come(hub, at("192.0.2.2"))
        self.assertRaises(TooManyConnections, self._come, hub, at("192.0.2.3"))

        first.leave()
        self._come(hub, at("192.0.2.3"))
        self.assertEqual(len(hub.connections), 2)

    def test_of_one_address(self) -> None:
        """
        The same for one address, whatever its port; others are not concerned.
        """
        hub, _ = make_hub(max_connections_per_address=2)
        first = self._come(hub, at("192.0.2.1", 1))
        self._come(hub, at("192.0.2.1", 2))
        self.assertRaises(TooManyConnectionsFromAddress, self._come, hub, at("192.0.2.1", 3))
        self._come(hub, at("192.0.2.2"))
        self._come(hub, IPv6Address("TCP", "2001:db8::1", 1))

        first.leave()
        self._come(hub, at("192.0.2.1", 3))
        self.assertRaises(TooManyConnectionsFromAddress, self._come, hub, at("192.0.2.1", 4))

    def test_ipv6(self) -> None:
        """
        All addresses of an IPv6 /64 network are one, and other networks are not concerned.
        """
        hub, _ = make_hub(max_connections_per_address=2)
        first = self._come(hub, at6("2001:db8:1:2::1"))
        self._come(hub, at6("2001:db8:1:2:ffff:ffff:ffff:ffff"))
        self.assertRaises(TooManyConnectionsFromAddress, self._come, hub, at6("2001:db8:1:2:3::4"))
        self._come(hub, at6("2001:db8:1:3::1"))

        first.leave()
        self._come(hub, at6("2001:db8:1:2:3::4"))
        self.assertEqual(len(hub.connections), 3)

    def test_mapped(self) -> None:
        """
        An IPv4 address that a dual-stack socket reports is the IPv4 address.
        """
        hub, _ = make_hub(max_connections_per_address=1)
        self._come(hub, at("192.0.2.1"))
        for host in ("::ffff:192.0.2.1", "::FFFF:192.0.2.1", "::ffff:c000:201"):
            with self.subTest(host=host):
                self.assertRaises(TooManyConnectionsFromAddress, self._come, hub, at6(host))

        self._come(hub, at6("::ffff:192.0.2.2"))

    def test_unix(self) -> None:
        """
        Whatever comes through a UNIX socket is of one address.
        """
        hub, _ = make_hub(max_connections_per_address=1)
        self._come(hub, UNIXAddress(None))

        self.assertRaises(TooManyConnectionsFromAddress, self._come, hub, UNIXAddress("/tmp/x"))

    def test_refused_is_nothing(self) -> None:
        """
        Who was refused has left no trace.
        """
        hub, _ = make_hub(max_connections=1)
        first = self._come(hub, at("192.0.2.1"))
        for _ in range(3):
            self.assertRaises(TooManyConnections, self._come, hub, at("192.0.2.1"))

        self.assertEqual(list(hub.connections), [first.connection])

    def test_churn(self) -> None:
        """
        After a thousand have come and gone there is as much room as before.
        """
        hub, _ = make_hub(max_connections=3, max_connections_per_address=2)
        for number in range(1000):
            couple = [self._come(hub, at(f"192.0.2.{number % 7}")) for _ in range(2)]
            for one in couple:
                one.leave()
                one.leave()

        self.assertEqual(len(hub.connections), 0)
        for _ in range(2):
            self._come(hub, at("192.0.2.1"))
        self.assertRaises(TooManyConnectionsFromAddress, self._come, hub, at("192.0.2.1"))

    def test_of_one_user(self) -> None:
        """
        The same for one user, at whatever address; nobody has no limit.
        """
        hub, _ = make_hub(max_connections_per_user=2)

        def come(user: str | None, address: IPv4Address) -> Subscriber:
            return Subscriber(hub, "a", grant=Grant(user, public=True), address=address)

        first = come("ada", at("192.0.2.1"))
        come("ada", at("192.0.2.2"))
        self.assertRaises(TooManyConnectionsOfUser, come, "ada", at("192.0.2.3"))
        for user in ("bob", None, None, None):
            come(user, at("192.0.2.1"))

        first.leave()
        come("ada", at("192.0.2.3"))
        self.assertRaises(TooManyConnectionsOfUser, come, "ada", at("192.0.2.3"))

    def test_user_changes(self) -> None:
        """
        A stream that becomes another user's counts for that one, above the limit too.
        """
        hub, clock = make_hub(max_connections_per_user=1)
        ada, bob = Grant("ada", public=True), Grant("bob", public=True)
        moving = Subscriber(hub, "a", grant=ada, reauthorize=lambda: bob)
        staying = Subscriber(hub, "a", grant=bob)
        hub.grant_changed("ada")
        clock.advance(0)
        self.assertEqual(hub.connections.of_user("bob"), [moving.connection, staying.connection])

        Subscriber(hub, "a", grant=ada)
        moving.leave()
        self.assertRaises(TooManyConnectionsOfUser, Subscriber, hub, "a", grant=bob)
        staying.leave()
        Subscriber(hub, "a", grant=bob)

    def test_nothing_left(self) -> None:
        """
        Nothing is remembered of those who have left.
        """
        hub, _ = make_hub()
        come = Subscriber(hub, "a", grant=Grant("ada", public=True))
        come.leave()
        hub.connections.set_user(come.connection, "eve")

        self.assertEqual((hub.connections._users, hub.connections._networks), ({}, {}))
