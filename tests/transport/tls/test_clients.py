"""
Certificates of clients, without sockets.
"""

import ssl
from datetime import timedelta
from pathlib import Path

from twisted.logger import capturedLogs, formatEvent

from tests.support.clientcertificates import ClientCA, ClientFiles
from tests.support.tls import Link
from tests.transport.tls.servers import EchoSite, TLSTestCase
from twisted_sse.transport.tls.clients import ClientAuthentication
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import CertificateError

__all__ = ["HandshakeTests", "ReloadTests"]


class ClientTestCase(TLSTestCase):
    """
    Makes a CA.
    """

    def setUp(self) -> None:
        """
        Make a CA, and one that is not trusted.
        """
        self.home = self.directory()
        self.ca = ClientCA(self.home)
        self.other = ClientCA(self.home, "other")

    def server(self, ca: Path | None = None, *, required: bool = True) -> TLSServer:
        """
        Make a server that asks clients for certificates.
        """
        clients = ClientAuthentication(str(ca or self.ca.path), required)
        return TLSServer([self.files()], None, clients)

    def shown(self, server: TLSServer, files: ClientFiles | None) -> bool:
        """
        Connect, send something, and say whether the server has got a certificate.

        Raises:
            ssl.SSLError: The server has refused the client.
        """
        link = Link(TLSFactory(server, EchoSite()), None if files is None else files.context())
        # In TLS 1.3 the client learns only later that it was refused.
        link.client.tls.write(b"hello")
        link.exchange()
        link.client.read()
        server_end = link.server.getPeerCertificate()  # type: ignore[attr-defined]
        return server_end is not None


class HandshakeTests(ClientTestCase):
    """
    Which clients may connect.
    """

    def test_required(self) -> None:
        """
        A client needs a certificate of the CA, for clients, that is valid now.
        """
        server = self.server()

        self.assertTrue(self.shown(server, self.ca.issue()))
        for files in (
            None,
            self.other.issue(),
            self.ca.issue(until=timedelta(minutes=-1)),
            self.ca.issue(for_clients=False),
        ):
            with self.assertRaises(ssl.SSLError):
                self.shown(server, files)

    def test_optional(self) -> None:
        """
        If it is optional, a client may have none, but not a wrong one.
        """
        server = self.server(required=False)

        self.assertTrue(self.shown(server, self.ca.issue()))
        self.assertFalse(self.shown(server, None))
        with self.assertRaises(ssl.SSLError):
            self.shown(server, self.other.issue())

    def test_not_asked(self) -> None:
        """
        A server without CA certificates asks for none.
        """
        self.assertFalse(self.shown(TLSServer([self.files()]), self.ca.issue()))

    def test_resumed(self) -> None:
        """
        A session that is resumed keeps the certificate of the client.
        """
        factory = TLSFactory(self.server(), EchoSite())
        context = self.ca.issue().context()
        first = Link(factory, context)
        again = Link(factory, context, session=first.client.tls.session)

        self.assertTrue(again.client.tls.session_reused)
        self.assertIsNotNone(again.server.getPeerCertificate())  # type: ignore[attr-defined]

    def test_every_name(self) -> None:
        """
        Clients of every server name need a certificate.
        """
        clients = ClientAuthentication(str(self.ca.path))
        files = [self.files("a.example"), self.files("b.example")]
        factory = TLSFactory(TLSServer(files, None, clients), EchoSite())

        for name in ("a.example", "b.example"):
            link = Link(factory, self.ca.issue().context(), name)
            self.assertEqual(link.names, [name])
            self.assertIsNotNone(link.server.getPeerCertificate())  # type: ignore[attr-defined]


class ReloadTests(ClientTestCase):
    """
    CA certificates that change.
    """

    def test_replaced(self) -> None:
        """
        New connections are verified with the new CA certificates.
        """
        server = self.server()
        both = self.ca.path.read_bytes() + self.other.path.read_bytes()
        self.ca.path.write_bytes(both)
        self.assertTrue(server.reload_if_changed())
        self.assertTrue(self.shown(server, self.ca.issue()))
        self.assertTrue(self.shown(server, self.other.issue()))

        self.ca.path.write_bytes(self.other.path.read_bytes())
        with capturedLogs() as logged:
            self.assertTrue(server.reload())
        self.assertIn("CA certificates of clients: 1 now", formatEvent(logged[-1]))
        with self.assertRaises(ssl.SSLError):
            self.shown(server, self.ca.issue())

    def test_unusable(self) -> None:
        """
        What cannot be read is refused at the start, and changes nothing later.
        """
        server = self.server()
        self.ca.path.write_bytes(b"nothing")
        with capturedLogs() as logged:
            self.assertIsNone(server.reload())
        self.assertIn("there is no PEM certificate in", formatEvent(logged[-1]))
        self.assertTrue(self.shown(server, self.ca.issue()))

        for path, sentence in (
            (self.ca.path, "there is no PEM certificate in"),
            (self.home / "missing", "cannot be read: No such file"),
        ):
            with self.assertRaises(CertificateError) as caught:
                self.server(path)
            self.assertIn(sentence, str(caught.exception))
            self.assertEqual(caught.exception.culprit, "client-ca")
