"""
The reload of certificates that have changed on disk.
"""

import os
from pathlib import Path

from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, formatEvent

from tests.support.certificates import names_on, trust_everything, write_certificate
from tests.support.tls import Client, Link
from tests.transport.tls.servers import EchoSite, TLSTestCase
from tests.transport.tls.test_identity import key_pem, make_key
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import CertificateFiles

__all__ = ["ReloadTests"]


class ReloadTests(TLSTestCase):
    """
    Certificates that change on disk.
    """

    def setUp(self) -> None:
        """
        Serve a certificate.
        """
        self.home = self.directory()
        self.server = TLSServer([CertificateFiles(*map(str, self.write("old.example")))])
        self.echo = TLSFactory(self.server, EchoSite())

    def write(self, *names: str) -> tuple[Path, Path]:
        """
        Write another certificate to the same files.
        """
        return write_certificate(self.home, *names)

    def test_unchanged(self) -> None:
        """
        Unchanged files are not reloaded, and a reload of them reports no change.
        """
        self.assertFalse(self.server.reload_if_changed())
        self.assertFalse(self.server.reload())
        self.assertEqual(Link(self.echo).names, ["old.example"])

    def test_renewed(self) -> None:
        """
        New connections get the new certificate; open ones continue with the old one.
        """
        before = Link(self.echo)
        self.write("new.example")
        with capturedLogs() as logs:
            self.assertTrue(self.server.reload())
        after = Link(self.echo)

        self.assertEqual(after.names, ["new.example"])
        self.assertEqual(before.ask(b"still"), b"still")
        self.assertEqual(before.names, ["old.example"])
        self.assertRegex(
            formatEvent(logs[0]), r"New certificate for new\.example, valid until \d{4}-\d\d-\d\d"
        )

    def test_during_handshake(self) -> None:
        """
        A connection that is in its handshake continues with the old certificate.
        """
        protocol = self.echo.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        assert protocol is not None
        self.write("new.example")
        client = Client()
        transport = StringTransport()
        protocol.makeConnection(transport)
        client.shake_hands()
        self.server.reload()
        while not client.shake_hands():
            protocol.dataReceived(client.give())
            client.take(transport.value())
            transport.clear()

        self.assertEqual(names_on(client.tls.getpeercert(binary_form=True)), ["old.example"])

    def test_reload_if_changed(self) -> None:
        """
        A change of the files is noticed once.
        """
        self.write("new.example")

        self.assertTrue(self.server.reload_if_changed())
        self.assertFalse(self.server.reload_if_changed())
        self.assertEqual(Link(self.echo).names, ["new.example"])

    def test_tickets(self) -> None:
        """
        A session that began with the old certificate is not resumed with the new one.
        """
        context = trust_everything()
        before = Link(self.echo, context)
        self.write("new.example")
        self.server.reload_if_changed()
        after = Link(self.echo, context, session=before.client.tls.session)

        self.assertFalse(after.client.tls.session_reused)

    def test_wrong(self) -> None:
        """
        While a file is wrong, the old certificate is served, and the log says why.
        """
        certificate, key = self.write("new.example")
        good = key.read_bytes()
        for content, reason in (
            (b"", f"there is no PEM private key in {key.absolute()}"),
            (good[:100], f"there is no PEM private key in {key.absolute()}"),
            (
                key_pem(make_key()),
                f"the key in {key.absolute()} is not the key of the certificate"
                f" in {certificate.absolute()}",
            ),
        ):
            key.write_bytes(content)
            with capturedLogs() as logs:
                self.assertFalse(self.server.reload_if_changed())

            self.assertEqual(
                [formatEvent(one) for one in logs],
                [f"The certificates in use stay, because {reason}"],
            )
            self.assertEqual(Link(self.echo).names, ["old.example"])
        key.write_bytes(good)
        self.assertTrue(self.server.reload_if_changed())
        self.assertEqual(Link(self.echo).names, ["new.example"])

    def test_missing(self) -> None:
        """
        While a file is missing, the old certificate is served, and one log line says so.
        """
        certificate, _ = self.write("new.example")
        certificate.unlink()
        with capturedLogs() as logs:
            self.assertFalse(self.server.reload_if_changed())
            self.assertFalse(self.server.reload_if_changed())

        self.assertEqual(len(logs), 1)
        self.assertEqual(Link(self.echo).names, ["old.example"])

    def test_all_or_nothing(self) -> None:
        """
        If one of several certificates is wrong, all stay as they are.
        """
        other = self.directory()
        both = [
            CertificateFiles(*map(str, write_certificate(home, name)))
            for home, name in ((self.home, "one.old"), (other, "two.old"))
        ]
        server = TLSServer(both)
        self.write("one.new")
        (other / "key.pem").write_bytes(b"")
        with capturedLogs():
            server.reload()

        factory = TLSFactory(server, EchoSite())
        self.assertEqual(Link(factory, name="one.old").names, ["one.old"])
        self.assertEqual(Link(factory, name="two.old").names, ["two.old"])

    def test_changed_directory(self) -> None:
        """
        The files are found again after the process has changed its directory.
        """
        self.addCleanup(os.chdir, Path.cwd())
        self.assertFalse(self.home.is_absolute())
        home = self.home.absolute()

        os.chdir("/")
        write_certificate(home, "new.example")

        self.assertTrue(self.server.reload_if_changed())
