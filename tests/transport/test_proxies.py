"""
The address of a client behind proxies.
"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from twisted_sse.transport.proxies import TrustedProxies, numeric_address

__all__ = ["ClientTests", "ForwardedTests", "NetworkTests", "SpoofingTests"]

PROXY = IPv4Address("TCP", "10.0.0.1", 1234)


def peer(host: str) -> Any:
    """
    The address of a connection.
    """
    return (IPv6Address if ":" in host else IPv4Address)("TCP", host, 1)


def client(
    lines: list[str], *networks: str, of: Any = PROXY, header: str = "X-Forwarded-For"
) -> Any:
    """
    The host that a request with these lines of a header comes from.
    """
    proxies = TrustedProxies(networks or ["10.0.0.0/8"], header.lower())
    found: Any = proxies.client_of(of, Headers({header: lines}))
    return getattr(found, "host", found)


class NetworkTests(SynchronousTestCase):
    """
    The networks of trusted proxies.
    """

    def test_trusts(self) -> None:
        """
        An address is trusted if it is in one of the networks, however it is written.
        """
        proxies = TrustedProxies(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])
        for host, expected in [
            ("10.255.0.1", True),
            ("11.0.0.1", False),
            ("192.0.2.7", True),
            ("192.0.2.8", False),
            ("::ffff:10.0.0.1", True),
            ("2001:db8:1::1", True),
            ("2001:db9::1", False),
            ("fe80::1%eth0", False),
        ]:
            with self.subTest(host=host):
                self.assertEqual(proxies.trusts(peer(host)), expected)

    def test_unix(self) -> None:
        """
        The word unix trusts whatever connects to a UNIX socket, and nothing else.
        """
        self.assertTrue(TrustedProxies("unix").trusts(UNIXAddress(None)))
        self.assertFalse(TrustedProxies("unix").trusts(PROXY))
        self.assertFalse(TrustedProxies("0.0.0.0/0").trusts(UNIXAddress(None)))

    def test_invalid(self) -> None:
        """
        What is no network is refused with advice.
        """
        for text, advice in [
            ("10.0.0.1/8", "did you mean 10.0.0.0/8"),
            ("proxy.example", "write an address such as"),
            ("", "write an address such as"),
            ("10.0.0.0/99", "write an address such as"),
        ]:
            with self.subTest(text=text), self.assertRaises(ValueError) as caught:
                TrustedProxies([text])
            self.assertIn(advice, str(caught.exception))

    def test_invalid_header(self) -> None:
        """
        Another header than the two is refused.
        """
        with self.assertRaises(ValueError):
            TrustedProxies(["10.0.0.1"], "X-Real-IP")

    def test_address(self) -> None:
        """
        Only numeric addresses are addresses.
        """
        self.assertEqual(numeric_address("192.0.2.1", 80), IPv4Address("TCP", "192.0.2.1", 80))
        self.assertEqual(numeric_address("2001:DB8::0:1"), IPv6Address("TCP", "2001:db8::1", 0))
        self.assertEqual(numeric_address("::ffff:192.0.2.1"), IPv4Address("TCP", "192.0.2.1", 0))
        for host in ("", "localhost", "192.0.2", "192.0.2.1.", "192.0.2.01", "0x7f.1", "1"):
            with self.subTest(host=host):
                self.assertIsNone(numeric_address(host))


class ClientTests(SynchronousTestCase):
    """
    ``X-Forwarded-For``.
    """

    def test_client(self) -> None:
        """
        The client is the rightmost address that is not a trusted proxy's.
        """
        for lines, expected in [
            (["192.0.2.1"], "192.0.2.1"),
            (["192.0.2.1, 10.0.0.9"], "192.0.2.1"),
            (["192.0.2.1", "10.0.0.8,10.0.0.9"], "192.0.2.1"),
            (["2001:db8::1"], "2001:db8::1"),
            (["192.0.2.1:4711"], "192.0.2.1"),
            (["[2001:db8::1]:4711"], "2001:db8::1"),
            (["::ffff:192.0.2.1"], "192.0.2.1"),
            (["10.0.0.7, 10.0.0.8"], "10.0.0.7"),
        ]:
            with self.subTest(lines=lines):
                self.assertEqual(client(lines), expected)

    def test_not_told(self) -> None:
        """
        If a trusted proxy does not say who its client is, it counts as the client.
        """
        for lines in ([], [""], ["unknown"], ["192.0.2.1, unknown"], ["192.0.2.1,"], ["a b"]):
            with self.subTest(lines=lines):
                self.assertEqual(client(lines), "10.0.0.1")

    def test_half_told(self) -> None:
        """
        Behind two proxies of which the first does not say, the first counts.
        """
        self.assertEqual(client(["192.0.2.1, unknown, 10.0.0.9"]), "10.0.0.9")

    def test_unix(self) -> None:
        """
        A proxy may use a UNIX socket.
        """
        self.assertEqual(client(["192.0.2.1"], "unix", of=UNIXAddress(None)), "192.0.2.1")


class SpoofingTests(SynchronousTestCase):
    """
    What clients may write into the header.
    """

    def test_not_trusted(self) -> None:
        """
        A client that is no trusted proxy is believed nothing.
        """
        stranger = peer("192.0.2.66")

        self.assertEqual(client(["198.51.100.1"], of=stranger), "192.0.2.66")
        self.assertEqual(client(["198.51.100.1"], of=UNIXAddress(None)), UNIXAddress(None))

    def test_prepended(self) -> None:
        """
        What stands to the left of the client's address does not count, whatever it is.
        """
        for sent in ("198.51.100.1", "10.0.0.3", '"', "10.0.0.3, ,\0", "1" * 10_000, "," * 10_000):
            with self.subTest(sent=sent[:20]):
                self.assertEqual(client([f"{sent}, 192.0.2.66"]), "192.0.2.66")
                self.assertEqual(client([sent, "192.0.2.66"]), "192.0.2.66")

    @given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60))
    def test_anything(self, sent: str) -> None:
        """
        Neither header lets a client choose its address.
        """
        self.assertEqual(client([f"{sent}, 192.0.2.66"]), "192.0.2.66")
        self.assertEqual(
            client([f"{sent}, for=192.0.2.66"], header="Forwarded"),
            "192.0.2.66",
        )

    def test_other_header(self) -> None:
        """
        The header that the proxies do not use is not read.
        """
        proxies = TrustedProxies(["10.0.0.0/8"])
        headers = Headers({"Forwarded": ["for=198.51.100.1"]})

        self.assertEqual(proxies.client_of(PROXY, headers), PROXY)


class ForwardedTests(SynchronousTestCase):
    """
    ``Forwarded``, by RFC 7239.
    """

    def forwarded(self, *lines: str) -> Any:
        """
        The host that a request with these lines comes from.
        """
        return client(list(lines), header="Forwarded")

    def test_client(self) -> None:
        """
        The examples of the standard, and others, are read.
        """
        for line, expected in [
            ("for=192.0.2.43", "192.0.2.43"),
            ('For="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17"),
            ("for=198.51.100.17, for=10.1.1.1;by=10.0.0.1", "198.51.100.17"),
            ('proto=https; for="192.0.2.43:80"; host="a\\"b"', "192.0.2.43"),
        ]:
            with self.subTest(line=line):
                self.assertEqual(self.forwarded(line), expected)

    def test_not_told(self) -> None:
        """
        An unknown or malformed client is the proxy.
        """
        for line in [
            "for=unknown",
            'for="_gazonk"',
            "proto=https",
            "for=192.0.2.1;for=192.0.2.2",
            "for=unknown;for=192.0.2.2",
            'for="192.0.2.1',
            "for=2001:db8::1",
            "192.0.2.1",
        ]:
            with self.subTest(line=line):
                self.assertEqual(self.forwarded(line), "10.0.0.1")

    def test_forged_host(self) -> None:
        """
        A host with a comma, which a proxy has quoted, is no other element.
        """
        for host in ("a, for=10.0.0.3", 'a\\", for=10.0.0.3;x=\\"', "a, for=198.51.100.1;x=y"):
            with self.subTest(host=host):
                found = self.forwarded(f'for=192.0.2.66;host="{host}"')

                self.assertIn(found, ("192.0.2.66", "10.0.0.1"))
