"""
Addresses as limits count them.
"""

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.addresses import network_of

__all__ = ["NetworkTests"]


class NetworkTests(SynchronousTestCase):
    """
    `network_of`.
    """

    CASES = [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        # Neither mapped nor an address of IPv4 any more (RFC 4291, 2.5.5.1).
        ("::192.0.2.1", "::/64"),
        ("not:an:address", "not:an:address"),
    ]

    def test_ipv6(self) -> None:
        """
        An IPv6 address counts by its /64 network, and a mapped one as IPv4.
        """
        for host, network in self.CASES:
            with self.subTest(host=host):
                self.assertEqual(network_of(IPv6Address("TCP", host, 1)), network)

    def test_ipv4(self) -> None:
        """
        An IPv4 address counts as a whole.
        """
        self.assertEqual(network_of(IPv4Address("TCP", "192.0.2.1", 1)), "192.0.2.1")

    def test_unix(self) -> None:
        """
        All UNIX sockets count as one.
        """
        self.assertEqual(network_of(UNIXAddress("/run/a")), network_of(UNIXAddress(None)))
