"""
The reloading of certificates; `tests.e2e.test_tls` tests it with a real hub.
"""

from pathlib import Path

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.server.test_process import StoppingReactor
from tests.support.certificates import trust_everything, write_certificate
from tests.support.tls import Link
from tests.transport.tls.servers import EchoSite
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import CertificateFiles
from twisted_sse.transport.tls.renewal import CertificateWatch

__all__ = ["CertificateWatchTests"]

INTERVAL = 5.0


class CertificateWatchTests(SynchronousTestCase):
    """
    `CertificateWatch`.
    """

    def setUp(self) -> None:
        """
        Watch a certificate.
        """
        self.home = Path(self.mktemp())
        self.home.mkdir()
        tls = TLSServer([CertificateFiles(*map(str, self.write("old.example")))])
        self.factory = TLSFactory(tls, EchoSite())
        self.reactor = StoppingReactor()
        self.watch = CertificateWatch(tls, self.reactor, INTERVAL)
        self.watch.startService()

    def write(self, name: str) -> tuple[Path, Path]:
        """
        Write another certificate to the same files.
        """
        return write_certificate(self.home, name)

    def served(self) -> list[str]:
        """
        The names on the certificate that a new client gets.
        """
        return Link(self.factory).names

    def test_watching(self) -> None:
        """
        A changed certificate is served after one interval at the latest.
        """
        self.write("new.example")
        self.reactor.advance(INTERVAL - 0.1)
        self.assertEqual(self.served(), ["old.example"])

        self.reactor.advance(0.1)
        self.assertEqual(self.served(), ["new.example"])

    def test_wrong(self) -> None:
        """
        A wrong file is logged once, and served when it has been corrected.
        """
        certificate, _ = self.write("new.example")
        good = certificate.read_bytes()
        certificate.write_bytes(b"half of it")
        with capturedLogs() as logs:
            for _ in range(3):
                self.reactor.advance(INTERVAL)
        self.assertEqual((len(logs), self.served()), (1, ["old.example"]))

        certificate.write_bytes(good)
        self.reactor.advance(INTERVAL)
        self.assertEqual(self.served(), ["new.example"])

    def test_reload(self) -> None:
        """
        The certificates are read at once when somebody asks for it, and the log says what came.
        """
        with capturedLogs() as logs:
            self.watch.reload()
            self.write("new.example")
            self.watch.reload()

        lines = [formatEvent(event) for event in logs]
        self.assertEqual(self.served(), ["new.example"])
        self.assertEqual(lines[0], "The certificates have not changed")
        self.assertTrue(lines[1].startswith("New certificate for new.example"), lines[1])
        self.assertEqual(len(lines), 2)

    def test_stop(self) -> None:
        """
        After the service has stopped nothing is scheduled.
        """
        self.watch.stopService()

        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_ticket_key(self) -> None:
        """
        The key of session tickets is replaced after a day.
        """
        context = trust_everything()
        session = Link(self.factory, context).client.tls.session

        self.reactor.pump([3600.0] * 23)
        self.assertTrue(Link(self.factory, context, session=session).client.tls.session_reused)

        self.reactor.advance(3600)
        self.assertFalse(Link(self.factory, context, session=session).client.tls.session_reused)
