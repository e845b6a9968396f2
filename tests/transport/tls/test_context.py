"""
The TLS profile of the server, its choice of a certificate, and its records.
"""

import contextlib
import ssl
import warnings
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IOpenSSLServerConnectionCreator,
)
from twisted.internet.protocol import Factory
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.protocols.wire import Echo
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from tests.support.certificates import trust_everything
from tests.support.tls import APPLICATION_DATA, Link
from tests.transport.tls.servers import TLSTestCase
from tests.transport.tls.test_identity import certificate_pem, key_pem, make_key
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import CertificateError, CertificateFiles

__all__ = ["NamesTests", "ProfileTests", "WritingTests"]

# Mozilla's intermediate profile, without DHE.
SUITES = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
}


def offering(version: ssl.TLSVersion, suites: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    """
    Make a client context for one version only, with these suites up to TLS 1.2.
    """
    # Not `trust_everything`, which reads all CA certificates of the system first.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(suites)
    with warnings.catch_warnings():
        # Python warns that TLS 1.1 is deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
        context.minimum_version = version
    return context


def connect(factory: TLSFactory, client: SSL.Connection) -> Callable[[], None]:
    """
    Connect a pyOpenSSL client, which can do what Python's ssl module cannot.

    Returns:
        A function that passes the pending bytes of each end to the other.
    """
    server = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
    assert server is not None
    transport = StringTransport()
    server.makeConnection(transport)
    client.set_connect_state()

    def exchange() -> None:
        with contextlib.suppress(SSL.WantReadError):
            client.do_handshake()
        with contextlib.suppress(SSL.WantReadError):
            server.dataReceived(client.bio_read(65536))
        if transport.value():
            client.bio_write(transport.value())
            transport.clear()

    for _ in range(3):
        exchange()
    return exchange


class ProfileTests(TLSTestCase):
    """
    Versions, suites, groups, protocols and tickets.
    """

    def refusal(self, factory: TLSFactory, context: ssl.SSLContext) -> str | None:
        """
        The error of a client that the server refuses, or ``None``.
        """
        try:
            Link(factory, context)
        except ssl.SSLError as error:
            return str(error)
        return None

    def test_interface(self) -> None:
        """
        A server provides Twisted's interface.
        """
        verifyObject(IOpenSSLServerConnectionCreator, TLSServer([self.files()]))

    def test_versions(self) -> None:
        """
        TLS 1.2 and 1.3 are accepted.
        """
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            link = Link(self.factory(), offering(version))

            self.assertEqual(link.client.tls.version(), version.name.replace("_", "."))

    def test_old_versions(self) -> None:
        """
        Older versions are refused.
        """
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            reason = self.refusal(self.factory(), offering(version))

            self.assertIn("alert protocol version", str(reason))

    def test_suites(self) -> None:
        """
        Of all suites that a client can offer for TLS 1.2, only the profile's are accepted.
        """
        rsa_key = rsa.generate_private_key(65537, 2048)
        factories = [self.factory(), self.factory(self.files(key=rsa_key))]
        everything = offering(ssl.TLSVersion.TLSv1_2, "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        offered = [one["name"] for one in everything.get_ciphers() if one["protocol"] != "TLSv1.3"]

        taken = {
            name
            for name in offered
            for factory in factories
            if self.refusal(factory, offering(ssl.TLSVersion.TLSv1_2, f"{name}:@SECLEVEL=0"))
            is None
        }

        self.assertEqual(taken, SUITES)
        # The client has offered more.
        self.assertGreater(len(offered), 3 * len(SUITES))
        self.assertIn("AES128-SHA", offered)

    def test_suites_of_1_3(self) -> None:
        """
        With TLS 1.3 the suite is one of the profile's, which are all of its suites.
        """
        link = Link(self.factory(), offering(ssl.TLSVersion.TLSv1_3))
        cipher = link.client.tls.cipher()

        assert cipher is not None
        self.assertRegex(cipher[0], r"\ATLS_(AES_(128|256)_GCM|CHACHA20_POLY1305)_SHA(256|384)\Z")

    def test_preference(self) -> None:
        """
        The client's preference decides: it knows what its processor is good at.
        """
        suites = ["ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"]
        for order in (suites, suites[::-1]):
            link = Link(self.factory(), offering(ssl.TLSVersion.TLSv1_2, ":".join(order)))
            cipher = link.client.tls.cipher()

            assert cipher is not None
            self.assertEqual(cipher[0], order[0])

    def test_groups(self) -> None:
        """
        Only the profile's groups are used for key exchange.

        If this fails with a new pyOpenSSL, see `twisted_sse....context._choose_groups`.
        """
        groups = ["X25519", "prime256v1", "secp384r1", "X448", "secp521r1", "brainpoolP256r1"]
        taken = []
        for group in groups:
            context = trust_everything()
            context.set_ecdh_curve(group)
            if self.refusal(self.factory(), context) is None:
                taken.append(group)

        self.assertEqual(taken, groups[:3])

    def test_alpn(self) -> None:
        """
        The server's first protocol that the client offers is chosen, if it offers any.
        """
        for offered, chosen in (
            (["http/1.1", "h2"], "h2"),
            (["http/1.1"], "http/1.1"),
            (["spdy/3", "http/1.1"], "http/1.1"),
            (None, None),
        ):
            context = trust_everything()
            if offered is not None:
                context.set_alpn_protocols(offered)
            link = Link(self.factory(), context)

            self.assertEqual(link.client.tls.selected_alpn_protocol(), chosen)

    def test_no_common_protocol(self) -> None:
        """
        A client that offers only unknown protocols gets the alert of RFC 7301.
        """
        context = trust_everything()
        context.set_alpn_protocols(["smtp"])

        self.assertIn("alert no application protocol", str(self.refusal(self.factory(), context)))

    def test_indifferent_factory(self) -> None:
        """
        A factory without ALPN serves every client.
        """
        factory = TLSFactory(TLSServer([self.files()]), Factory.forProtocol(Echo))
        context = trust_everything()
        context.set_alpn_protocols(["h2"])
        link = Link(factory, context)

        self.assertIsNone(link.client.tls.selected_alpn_protocol())
        self.assertEqual(link.ask(b"hello"), b"hello")

    def test_tickets(self) -> None:
        """
        A ticket resumes a session, whichever certificate the session began with.
        """
        factory = self.factory(self.files("a.example"), self.files("b.example"))
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for name in ("a.example", "b.example"):
                context = offering(version)
                first = Link(factory, context, name)
                again = Link(factory, context, name, first.client.tls.session)

                self.assertFalse(first.client.tls.session_reused)
                self.assertTrue(again.client.tls.session_reused, (version, name))
                self.assertEqual(again.ask(b"hello"), b"hello")

    def test_renegotiation(self) -> None:
        """
        A client that asks for renegotiation gets an alert.
        """
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        client = SSL.Connection(context, None)
        exchange = connect(self.factory(), client)

        client.renegotiate()
        exchange()

        with self.assertRaises(SSL.Error) as caught:
            client.recv(1)
        self.assertIn("no renegotiation", str(caught.exception))


class NamesTests(TLSTestCase):
    """
    The choice of a certificate by the name that the client asks for.
    """

    def test_names(self) -> None:
        """
        The first certificate with the name is served, or else the first of all.
        """
        one = self.files("one.example", "both.example")
        two = self.files("two.example", "*.two.example", "both.example", "xn--bcher-kva.example")
        three = self.files("deep.two.example", "MiXed.example")
        factory = self.factory(one, two, three)

        for asked, shown in (
            ("one.example", "one.example"),
            ("two.example", "two.example"),
            ("TWO.EXAMPLE", "two.example"),
            ("any.two.example", "two.example"),
            ("both.example", "one.example"),
            ("bücher.example", "two.example"),
            ("mixed.example", "deep.two.example"),
            ("deep.two.example", "deep.two.example"),
            ("a.b.two.example", "one.example"),
            ("wo.example", "one.example"),
            ("example", "one.example"),
            ("elsewhere.example", "one.example"),
            ("127.0.0.1", "one.example"),
            (None, "one.example"),
        ):
            with self.subTest(asked):
                self.assertEqual(Link(factory, name=asked).names[0], shown)

    def test_nonsense(self) -> None:
        """
        Invalid names are treated as unknown ones.
        """
        factory = self.factory(self.files("one.example"))
        for name in (b"\xff\xfe", b".", b"*", b"a" * 255):
            client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
            client.set_tlsext_host_name(name)
            connect(factory, client)

            self.assertIsNotNone(client.get_peer_certificate(as_cryptography=True))

    def test_chain(self) -> None:
        """
        The certificates that follow the server's in its file are sent as well.
        """
        key, issuer_key = make_key(), make_key()
        path = self.directory() / "both.pem"
        path.write_bytes(
            key_pem(key)
            + certificate_pem("localhost", key, "Issuer", issuer_key)
            + certificate_pem("Issuer", issuer_key, "Issuer", issuer_key)
        )
        client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        connect(self.factory(CertificateFiles(str(path))), client)
        chain = client.get_peer_cert_chain(as_cryptography=True) or []

        self.assertEqual(
            [one.subject.rfc4514_string() for one in chain], ["CN=localhost", "CN=Issuer"]
        )

    def test_weak_key(self) -> None:
        """
        A certificate that OpenSSL refuses is refused when the server is made.
        """
        files = self.files(key=rsa.generate_private_key(65537, 1024))

        with self.assertRaises(CertificateError) as caught:
            TLSServer([files])
        self.assertEqual(caught.exception.culprit, "certificate")
        self.assertEqual(
            str(caught.exception), f"OpenSSL does not accept {files.certificate}: ee key too small"
        )


class WritingTests(TLSTestCase):
    """
    What the connections of a `TLSFactory` write and read.
    """

    def records(self, write: Callable[[TLSMemoryBIOProtocol], object]) -> list[int]:
        """
        The types of the TLS records that a connection writes within one turn.
        """
        link = Link(self.factory())
        before = len(link.client.records)
        write(link.server)
        link.exchange()
        return link.client.records[before:]

    def test_at_once(self) -> None:
        """
        A write is sent as one record before the call returns.
        """
        for write in (
            lambda server: server.write(b"x" * 5000),
            lambda server: server.writeSequence([b"x" * 2000, b"y" * 2000, b"\r\n"]),
        ):
            self.assertEqual(self.records(write), [APPLICATION_DATA])

    def test_large(self) -> None:
        """
        A large write is split into full records, for which RFC 8446 allows 16 KiB.
        """
        records = self.records(lambda server: server.write(b"x" * (3 * 16384 + 1)))

        self.assertEqual(records, [APPLICATION_DATA] * 4)

    def test_long_request(self) -> None:
        """
        Data that is handed to OpenSSL in several parts arrives complete.
        """
        sent = bytes(range(256)) * 300

        self.assertEqual(Link(self.factory()).ask(sent), sent)

    def test_not_tls(self) -> None:
        """
        A client that does not speak TLS is disconnected, however much it sends.
        """
        server = self.factory().buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        assert server is not None
        transport = StringTransport()
        server.makeConnection(transport)

        server.dataReceived(b"GET / HTTP/1.1\r\n" * 4000)

        self.assertTrue(transport.disconnecting)
        server.connectionLost(Failure(ConnectionDone()))
