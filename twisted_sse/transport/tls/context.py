"""
TLS by Mozilla's "intermediate" profile, with certificates that may be renewed.

https://wiki.mozilla.org/Security/Server_Side_TLS: TLS 1.2 and 1.3, only suites
with forward secrecy and authenticated encryption, of which the client chooses.

A renewal affects new connections only: nothing here ends or changes an open one.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from OpenSSL import SSL, _util
from twisted.internet.interfaces import (
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IProtocolNegotiationFactory,
)
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from twisted_sse.clock import GlobalClock
from twisted_sse.transport.tls.clients import ClientAuthentication, verify_clients
from twisted_sse.transport.tls.identity import (
    CertificateError,
    CertificateFiles,
    Identity,
    read_identity,
)
from twisted_sse.transport.tls.protocol import TLSProtocol

__all__ = ["TLSFactory", "TLSServer"]

# The profile's suites without those that use DHE: of its clients, only Internet
# Explorer 11 on Windows 7 would need one, and it lacks EventSource.
_TLS_1_2_SUITES = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
_TLS_1_3_SUITES = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

# The profile's groups, preceded by one that resists quantum computers.  OpenSSL:
# "If a group name is preceded with the ? character, it will be ignored if an
# implementation is missing."
_GROUPS = b"?X25519MLKEM768:X25519:prime256v1:secp384r1"

# Not OP_CIPHER_SERVER_PREFERENCE: a phone whose processor lacks AES chooses better
# itself.  Not OP_NO_TICKET: a client that reconnects with a ticket saves a signature.
_OPTIONS = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION


class TLSFactory(TLSMemoryBIOFactory):
    """
    Secures connections, and writes without a delay.

    Twisted's delays writes until a later turn of the reactor, to make one TLS
    record of many small writes.  A hub writes once per connection and turn, which
    is one record anyway, without a delayed call and a copy: measured, 25.8 instead
    of 32.0 microseconds per event.
    """

    protocol = TLSProtocol

    def __init__(self, server: IOpenSSLServerConnectionCreator, wrapped: IProtocolFactory) -> None:
        super().__init__(server, False, wrapped, GlobalClock())


@implementer(IOpenSSLServerConnectionCreator)
class TLSServer:
    """
    The server's end of TLS connections, with the newest certificates.

    Args:
        files: One certificate or more.  A client gets the first certificate with
            the name it asks for, an exact name before a wildcard.  It gets the
            first of all if no certificate has that name, or if it sends no name.

        passphrase: Decrypts the keys that are encrypted.

        clients: Which certificates clients may show; ``None`` asks for none.

    Raises:
        CertificateError: One of them cannot be used.
    """

    _log = Logger()

    def __init__(
        self,
        files: Sequence[CertificateFiles],
        passphrase: bytes | None = None,
        clients: ClientAuthentication | None = None,
    ) -> None:
        self._passphrase = passphrase
        self._files = list(files)
        self._clients = clients
        self._context: SSL.Context
        self._identities: list[Identity]
        self._authorities: list[Any]
        self._loaded_stamps: list[object]
        self._load()
        # Errors at the start show the paths as the user wrote them; afterward the
        # process may change its directory.
        self._files = [one.absolute() for one in files]
        self._clients = None if clients is None else clients.absolute()

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        See `IOpenSSLServerConnectionCreator.serverConnectionForTLS`.
        """
        connection = SSL.Connection(self._context, None)
        # _choose_protocol asks the protocol's factory what it speaks.
        connection.set_app_data(tlsProtocol)
        return connection

    def reload_if_changed(self) -> bool:
        """
        Read the files again if any of them has changed since it was read.

        Returns:
            Whether a certificate has changed.
        """
        return self._stamps() != self._loaded_stamps and bool(self.reload())

    def reload(self) -> bool | None:
        """
        Read the files again.

        If one of them cannot be used, all certificates stay as they are, and the
        log says why.  Otherwise the key of session tickets is replaced as well, so
        earlier tickets become useless, whether a certificate has changed or not.

        Returns:
            Whether a certificate has changed; ``None`` if one cannot be used.
        """
        previous, trusted = self._identities, self._authorities
        try:
            self._load()
        except CertificateError as error:
            self._log.warn("The certificates in use stay, because {error}", error=error)
            return None
        return self._tell(previous, trusted)

    def replace(self, other: TLSServer) -> None:
        """
        Serve the certificates of *other* from now on, read from its files, and log
        what has changed.
        """
        previous, trusted = self._identities, self._authorities
        self._passphrase = other._passphrase
        self._files = other._files
        self._clients = other._clients
        self._loaded_stamps = other._loaded_stamps
        self._context = other._context
        self._identities = other._identities
        self._authorities = other._authorities
        self._tell(previous, trusted)

    def _tell(self, previous: list[Identity], trusted: list[Any]) -> bool:
        """
        Log which certificates are new.

        Returns:
            Whether a certificate has changed.
        """
        renewed = [one for one in self._identities if one not in previous]
        for one in renewed:
            self._log.info(
                "New certificate for {names}, valid until {until:%Y-%m-%d}",
                names=", ".join(one.names) or "no name",
                until=one.expires,
            )
        if self._authorities != trusted:
            self._log.info("CA certificates of clients: {count} now", count=len(self._authorities))
        return (
            bool(renewed) or len(previous) != len(self._identities) or self._authorities != trusted
        )

    def _load(self) -> None:
        # Before reading, so that the next check sees a change that happens meanwhile.
        self._loaded_stamps = self._stamps()
        identities = [read_identity(one, self._passphrase) for one in self._files]
        authorities = [] if self._clients is None else self._clients.read()
        contexts = [_context(*pair) for pair in zip(identities, self._files, strict=True)]
        if self._clients is not None:
            for context in contexts:
                verify_clients(context, self._clients, authorities)
        self._context = _first_of(contexts, identities)
        self._identities = identities
        self._authorities = authorities

    def _stamps(self) -> list[object]:
        files = [one.stamp() for one in self._files]
        return [*files, None if self._clients is None else self._clients.stamp()]


def _first_of(contexts: Sequence[SSL.Context], identities: Sequence[Identity]) -> SSL.Context:
    """
    Return the context that every connection begins with.

    It switches the connection to the context of the name that the client asks for.
    """
    named: dict[str, SSL.Context] = {}
    for identity, context in zip(identities, contexts, strict=True):
        for name in identity.names:
            named.setdefault(name, context)
    first = contexts[0]

    def choose(connection: SSL.Connection) -> None:
        found = _find(named, connection.get_servername())
        if found is not None and found is not first:
            connection.set_context(found)

    first.set_tlsext_servername_callback(choose)
    return first


def _find(named: Mapping[str, SSL.Context], asked: bytes | None) -> SSL.Context | None:
    # RFC 6066: host names are ASCII, international ones as A-labels, as they are in
    # certificates.  Sent by the client, so it may be anything.
    name = (asked or b"").decode("ascii", "replace").lower()
    # RFC 9525: a wildcard stands for exactly one label, the first.
    return named.get(name) or named.get(f"*.{name.partition('.')[2]}")


def _context(identity: Identity, files: CertificateFiles) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_OPTIONS)
    # Most connections are idle, and need no buffers meanwhile.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # Clients keep their sessions as tickets, so the server keeps none.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_alpn_select_callback(_choose_protocol)
    _set_certificate(context, identity, files)
    context.set_tls13_ciphersuites(_TLS_1_3_SUITES)
    context.set_cipher_list(_TLS_1_2_SUITES)
    _choose_groups(context)
    return context


def _choose_groups(context: SSL.Context) -> None:
    # pyOpenSSL has no method for it: set_tmp_ecdh sets a single group, which cannot
    # be X25519.  If this function is missing, OpenSSL's defaults also allow X448 and
    # secp521r1: secure, but not in the profile.
    set_groups = getattr(_util.lib, "SSL_CTX_set1_curves_list", None)
    if set_groups is None or set_groups(context._context, _GROUPS) != 1:
        # The next handshake would report an error that stays in OpenSSL's queue.
        getattr(_util.lib, "ERR_clear_error", lambda: None)()


def _set_certificate(context: SSL.Context, identity: Identity, files: CertificateFiles) -> None:
    own, *chain = identity.certificates
    try:
        context.use_certificate(own)
        context.use_privatekey(identity.key)
        for one in chain:
            context.add_extra_chain_cert(one)
    except (SSL.Error, TypeError) as error:
        # TypeError: a type of key that cannot sign for TLS.
        raise CertificateError(
            "certificate", f"OpenSSL does not accept {files.certificate}: {_reason(error)}"
        ) from None


def _reason(error: Exception) -> str:
    found = error.args[0] if error.args else ""
    return str(found[-1][-1]) if isinstance(found, list) and found else str(found)


def _choose_protocol(connection: SSL.Connection, offered: Sequence[bytes]) -> Any:
    """
    Choose the server's first protocol that the client offers.

    RFC 7301, 3.2: "In the event that the server supports no protocols that the
    client advertises, then the server SHALL respond with a fatal
    "no_application_protocol" alert."  This also keeps attackers from redirecting a
    browser's connection with another service to this one.  For clients that offer
    nothing this is not called; they get HTTP/1.1.
    """
    site = IProtocolNegotiationFactory(connection.get_app_data().factory.wrappedFactory, None)
    if site is None:
        return SSL.NO_OVERLAPPING_PROTOCOLS
    for protocol in site.acceptableProtocols():
        if protocol in offered:
            return protocol
    # pyOpenSSL sends the alert for any error raised here, and raises it again from
    # the handshake, where Twisted closes the connection at an SSL.Error.
    raise SSL.Error([])
