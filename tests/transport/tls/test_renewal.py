"""
The reloading of certificates; `tests.e2e.test_tls` tests it with a real hub.
"""

import signal
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
        Watch a certificate, and restore the handler of SIGHUP afterward.
        """
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        self.previous = lambda number, frame: None
        signal.signal(signal.SIGHUP, self.previous)
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

    def run_reactor(self) -> None:
        """
        Call what waits for the reactor to run.
        """
        for call, arguments, options in self.reactor.whenRunningHooks:
            call(*arguments, **options)

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

    def test_signal(self) -> None:
        """
        SIGHUP reloads the certificates at once, and does not stop the reactor.
        """
        self.run_reactor()
        self.write("new.example")
        with capturedLogs() as logs:
            signal.raise_signal(signal.SIGHUP)

        self.assertEqual((self.served(), self.reactor.stops), (["new.example"], 0))
        self.assertEqual(formatEvent(logs[0]), "Received SIGHUP, reading the certificates again")

    def test_handler(self) -> None:
        """
        SIGHUP is handled while the service runs, and its previous handler is restored.
        """
        self.assertIs(signal.getsignal(signal.SIGHUP), self.previous)
        self.run_reactor()
        self.assertIsNot(signal.getsignal(signal.SIGHUP), self.previous)

        self.watch.stopService()

        self.assertIs(signal.getsignal(signal.SIGHUP), self.previous)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stopped_early(self) -> None:
        """
        A service that stops before the reactor runs does not install a handler.
        """
        self.watch.stopService()
        self.run_reactor()

        self.assertIs(signal.getsignal(signal.SIGHUP), self.previous)

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
