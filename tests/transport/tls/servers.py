"""
What the tests of TLS share: certificates, and servers that echo.
"""

from pathlib import Path

from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.protocol import Factory
from twisted.protocols.wire import Echo
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.certificates import Key, write_certificate
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import CertificateFiles

__all__ = ["EchoSite", "TLSTestCase"]


@implementer(IProtocolNegotiationFactory)
class EchoSite(Factory):
    """
    Echoes what it receives, and offers both HTTP protocols.
    """

    protocol = Echo
    noisy = False

    def acceptableProtocols(self) -> list[bytes]:
        """
        See `IProtocolNegotiationFactory.acceptableProtocols`.
        """
        return [b"h2", b"http/1.1"]


class TLSTestCase(SynchronousTestCase):
    """
    Makes certificates and servers.
    """

    def directory(self) -> Path:
        """
        Make a new directory.
        """
        path = Path(self.mktemp())
        path.mkdir()
        return path

    def files(self, *names: str, key: Key | None = None) -> CertificateFiles:
        """
        Write a certificate for *names* to a new directory.
        """
        return CertificateFiles(*map(str, write_certificate(self.directory(), *names, key=key)))

    def factory(self, *files: CertificateFiles) -> TLSFactory:
        """
        Make a factory that serves these certificates.
        """
        return TLSFactory(TLSServer(files or [self.files()]), EchoSite())
