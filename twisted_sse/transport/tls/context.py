"""
TLS as Mozilla's "intermediate" profile wants it, over certificates that may be renewed.

https://wiki.mozilla.org/Security/Server_Side_TLS: TLS 1.2 and 1.3, only suites
with forward secrecy and authenticated encryption, the client chooses among them.

A connection keeps what it began with: nothing here ends or changes one that lives.

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
from twisted_sse.transport.tls.identity import (
    CertificateError,
    CertificateFiles,
    Identity,
    read_identity,
)

__all__ = ["TLSFactory", "TLSServer"]

# Of the profile's suites those with DHE are left out: of its clients only Internet
# Explorer 11 on Windows 7 would need one, and that has no EventSource.
_TLS_1_2_SUITES = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
_TLS_1_3_SUITES = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

# The profile's groups, and before them the one that a quantum computer would not
# break.  OpenSSL: "If a group name is preceded with the ? character, it will be
# ignored if an implementation is missing."
_GROUPS = b"?X25519MLKEM768:X25519:prime256v1:secp384r1"

# Not OP_CIPHER_SERVER_PREFERENCE: a telephone without AES in its processor knows
# better.  Not OP_NO_TICKET: who reconnects needs no signature from us then.
_OPTIONS = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION

# Bytes that a connection hands to OpenSSL at once.  A handshake and the request
# for a stream are no longer.
_PART = 4096


class _Secured(TLSMemoryBIOProtocol):
    """
    Hands what comes to OpenSSL in small parts.

    OpenSSL keeps it in a buffer that grows with the largest part, and that never
    shrinks: measured, 87 instead of 29 KiB for a connection that has sent 60 kB.
    """

    def dataReceived(self, bytes: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        for start in range(0, len(bytes), _PART):
            super().dataReceived(bytes[start : start + _PART])


class TLSFactory(TLSMemoryBIOFactory):
    """
    Secures connections, and writes at once.

    Twisted's keeps what is written for a later turn of the reactor, to make
    one TLS record of many small writes.  A hub writes once for each connection
    and turn, so it gets one record anyway, without a delayed call and a copy:
    measured, 25.8 instead of 32.0 microseconds for an event.
    """

    protocol = _Secured

    def __init__(self, server: IOpenSSLServerConnectionCreator, wrapped: IProtocolFactory) -> None:
        super().__init__(server, False, wrapped, GlobalClock())


@implementer(IOpenSSLServerConnectionCreator)
class TLSServer:
    """
    The server's end of TLS connections, with the newest certificates.

    Args:
        files: One certificate or more.  A client gets the first that has the
            name it asks for, an exact name before a wildcard; or the first of
            all if none has, or if it asks for none.

        passphrase: Opens those keys that have one.

    Raises:
        CertificateError: One of them cannot be served.
    """

    _log = Logger()

    def __init__(self, files: Sequence[CertificateFiles], passphrase: bytes | None = None) -> None:
        self._passphrase = passphrase
        self._files = list(files)
        self._load()
        # What the user wrote was for the user; from now on nobody knows where we are.
        self._files = [one.absolute() for one in files]

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        See `IOpenSSLServerConnectionCreator.serverConnectionForTLS`.
        """
        connection = SSL.Connection(self._context, None)
        # The protocol knows which protocols are spoken over it.
        connection.set_app_data(tlsProtocol)
        return connection

    def look(self) -> bool:
        """
        Read the files again if they are not what they were when they were read.

        Returns:
            Whether there is another certificate now.
        """
        return self._stamps() != self._read_stamps and self.reload()

    def reload(self) -> bool:
        """
        Read the files again.

        If one is wrong, all certificates stay as they are, and the log says
        why.  Session tickets made before open no more, changed or not, so
        their key is as old as the last call.

        Returns:
            Whether there is another certificate now.
        """
        before = self._identities
        try:
            self._load()
        except CertificateError as error:
            self._log.warn("The certificates in use stay, because {error}", error=error)
            return False
        renewed = [one for one in self._identities if one not in before]
        for one in renewed:
            self._log.info(
                "New certificate for {names}, valid until {until:%Y-%m-%d}",
                names=", ".join(one.names) or "no name",
                until=one.until,
            )
        return bool(renewed) or len(before) != len(self._identities)

    def _load(self) -> None:
        # Before reading: what is written meanwhile shows at the next look.
        self._read_stamps = self._stamps()
        identities = [read_identity(one, self._passphrase) for one in self._files]
        self._context = _contexts(identities, self._files)
        self._identities = identities

    def _stamps(self) -> list[tuple[object, ...]]:
        return [one.stamp() for one in self._files]


def _contexts(identities: Sequence[Identity], files: Sequence[CertificateFiles]) -> SSL.Context:
    """
    The context that every connection begins with; it goes on to another one by name.
    """
    contexts = [_context(*pair) for pair in zip(identities, files, strict=True)]
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
    # RFC 6066: host names are ASCII here, international ones as A-labels, as
    # they are in certificates.  Sent by the client: it may be anything.
    name = (asked or b"").decode("ascii", "replace").lower()
    # RFC 9525: a wildcard stands for exactly one label, the first.
    return named.get(name) or named.get(f"*.{name.partition('.')[2]}")


def _context(identity: Identity, files: CertificateFiles) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_OPTIONS)
    # Most connections are idle: their buffers are given back.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # Tickets are kept by those who hold them; nothing is kept here.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_alpn_select_callback(_choose_protocol)
    _show(context, identity, files)
    context.set_tls13_ciphersuites(_TLS_1_3_SUITES)
    context.set_cipher_list(_TLS_1_2_SUITES)
    _choose_groups(context)
    return context


def _choose_groups(context: SSL.Context) -> None:
    # pyOpenSSL has no method for it (set_tmp_ecdh leaves a single one, and X25519
    # cannot be it).  Without this function OpenSSL's own groups are X448 and
    # secp521r1 besides: sound, but not of the profile.
    set_groups = getattr(_util.lib, "SSL_CTX_set1_curves_list", None)
    if set_groups is None or set_groups(context._context, _GROUPS) != 1:
        # What is left in OpenSSL's list of errors, the next handshake would find.
        getattr(_util.lib, "ERR_clear_error", lambda: None)()


def _show(context: SSL.Context, identity: Identity, files: CertificateFiles) -> None:
    own, *chain = identity.certificates
    try:
        context.use_certificate(own)
        context.use_privatekey(identity.key)
        for one in chain:
            context.add_extra_chain_cert(one)
    except (SSL.Error, TypeError) as error:
        # TypeError: a kind of key that TLS cannot sign with.
        raise CertificateError(
            "certificate", f"OpenSSL does not take {files.certificate}: {_reason(error)}"
        ) from None


def _reason(error: Exception) -> str:
    found = error.args[0] if error.args else ""
    return str(found[-1][-1]) if isinstance(found, list) and found else str(found)


def _choose_protocol(connection: SSL.Connection, offered: Sequence[bytes]) -> Any:
    """
    The protocol of this server that comes first, of those that the client offers.

    RFC 7301, 3.2: "In the event that the server supports no protocols that the
    client advertises, then the server SHALL respond with a fatal
    "no_application_protocol" alert."  It also keeps attackers from handing a
    browser's connection with another service to this one.  Clients that offer
    nothing are not asked, and get HTTP/1.1.
    """
    site = IProtocolNegotiationFactory(connection.get_app_data().factory.wrappedFactory, None)
    if site is None:
        return SSL.NO_OVERLAPPING_PROTOCOLS
    for protocol in site.acceptableProtocols():
        if protocol in offered:
            return protocol
    # pyOpenSSL sends the alert for any error here, and raises it again from the
    # handshake, where Twisted closes the connection for one of these.
    raise SSL.Error([])
