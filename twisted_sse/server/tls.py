"""
The TLS server that a configuration asks for.
"""

from __future__ import annotations

from collections.abc import Set
from functools import partial

from twisted_sse.server.access import client_authentication
from twisted_sse.server.config.config import Config
from twisted_sse.server.config.option import InvalidOption
from twisted_sse.server.reconfiguration import Use
from twisted_sse.transport.tls.context import TLSServer
from twisted_sse.transport.tls.identity import CertificateError, pair_files

__all__ = ["TLSPart", "tls_server"]

# The option to blame for a CertificateError, by its culprit.
_OPTIONS = {
    "certificate": "tls-cert",
    "key": "tls-key",
    "passphrase": "tls-passphrase-file",
    "client-ca": "tls-client-ca",
}

_FIELDS = {"tls_cert", "tls_key", "tls_passphrase", "tls_client_ca", "tls_client_auth"}


def tls_server(config: Config) -> TLSServer | None:
    """
    Read the certificates.

    Returns:
        What serves them; ``None`` if there are none.

    Raises:
        InvalidOption: An option cannot be obeyed.
    """
    clients = client_authentication(config)
    if clients is not None and not config.tls_cert:
        raise InvalidOption("tls-client-ca", "it needs --tls-cert, the certificate of the hub")
    if config.tls_passphrase is not None and not config.tls_cert:
        raise InvalidOption(
            "tls-passphrase-file", "it needs --tls-cert, the certificate of the private key"
        )
    if not config.tls_cert and not config.tls_key:
        return None
    try:
        files = pair_files(config.tls_cert, config.tls_key)
        return TLSServer(files, config.tls_passphrase, clients)
    except CertificateError as error:
        raise InvalidOption(_OPTIONS[error.culprit], error) from None


class TLSPart:
    """
    Serves other certificates on the ports that have TLS; see `Part`.

    Args:
        server: What serves them; ``None`` if no port has TLS.
    """

    def __init__(self, server: TLSServer | None, config: Config) -> None:
        self._server = server
        self._passphrase = config.tls_passphrase

    def prepare(self, config: Config, changed: Set[str]) -> Use:
        """
        See `Part.prepare`.
        """
        if changed.isdisjoint(_FIELDS) and config.tls_passphrase == self._passphrase:
            return lambda: None
        made = tls_server(config)
        if (made is None) != (self._server is None):
            raise InvalidOption(
                "tls-cert", "whether ports have TLS is decided when the hub starts: restart it"
            )
        return partial(self._use, made, config.tls_passphrase)

    def _use(self, made: TLSServer | None, passphrase: bytes | None) -> None:
        self._passphrase = passphrase
        if made is not None and self._server is not None:
            self._server.replace(made)
