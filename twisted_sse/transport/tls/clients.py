"""
Asks the clients of a TLS server for certificates.

OpenSSL verifies a certificate when a connection begins: its chain, its dates, and that it
is for clients.  The connection may last longer than the certificate is valid.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cryptography.x509 import Certificate
from OpenSSL import SSL
from OpenSSL.crypto import X509

from twisted_sse.transport.tls.identity import CertificateError, file_stamp, read_ca_certificates

__all__ = ["ClientAuthentication", "verify_clients"]

# OpenSSL: without one, a server that asks for certificates refuses to resume sessions.
_SESSION_ID = b"twisted_sse"


class ClientAuthentication(NamedTuple):
    """
    Which certificates clients may show.

    Attributes:
        ca: A PEM file: the CA certificates, one of which must have signed.

        required: Whether clients without a certificate are refused.
    """

    ca: str
    required: bool = True

    def absolute(self) -> ClientAuthentication:
        """
        Return the same by an absolute path: twistd changes its directory.
        """
        return self._replace(ca=str(Path(self.ca).absolute()))

    def stamp(self) -> object:
        """
        Return a value that differs after the file was changed or replaced.
        """
        return file_stamp(self.ca)

    def read(self) -> list[Certificate]:
        """
        Read the CA certificates.

        Raises:
            CertificateError: The file cannot be read, or has no certificate.
        """
        return read_ca_certificates(self.ca)


def verify_clients(
    context: SSL.Context, authentication: ClientAuthentication, authorities: list[Certificate]
) -> None:
    """
    Make a server ask for certificates of *authorities*.

    Raises:
        CertificateError: OpenSSL does not accept one of them.
    """
    store = context.get_cert_store()
    assert store is not None
    try:
        for one in authorities:
            store.add_cert(X509.from_cryptography(one))
            context.add_client_ca(one)
    except Exception as error:
        # OpenSSL's errors have no narrower base class.
        raise CertificateError(
            "client-ca", f"OpenSSL does not accept a certificate in {authentication.ca}: {error}"
        ) from None
    mode = SSL.VERIFY_PEER
    if authentication.required:
        mode |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    context.set_verify(mode)
    context.set_session_id(_SESSION_ID)
