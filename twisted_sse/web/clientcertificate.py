"""
`ClientCertificate`: an ``authorize`` function that grants by the certificate of the client.

The connection has verified it; what is decided here is who its subject is, and what that
user may do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    RFC822Name,
    SubjectAlternativeName,
    UniformResourceIdentifier,
)
from cryptography.x509.oid import NameOID
from twisted.web.server import Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.errors import Unauthorized
from twisted_sse.topics import Selection
from twisted_sse.transport.tls.peer import peer_certificate
from twisted_sse.units import known_arguments
from twisted_sse.web.resource import Authorize

__all__ = ["ClientCertificate", "user_of"]

# In this order, if the subject has no common name.
_NAMES = (RFC822Name, UniformResourceIdentifier, DNSName)


class ClientCertificate:
    """
    Grants topics to clients with a certificate.

    The user is the common name of its subject, or else its first alternative name: an
    email address, a URI, or a DNS name.  A stream ends when the certificate expires.

    A request with the header ``Authorization`` shows more than its connection does, so
    that decides, by *otherwise*.

    Args:
        subscribe: Selectors of the topics that every such client may read, private ones
            included; everything by default.

        publish: Selectors of the topics that it may publish to; everything by default.

        otherwise: Called for requests without a certificate, or with ``Authorization``;
            ``None`` refuses the former, and does not look at the latter.

    Raises:
        InvalidSelector: A selector cannot be understood.

        TypeError: *otherwise* is not a function.
    """

    @known_arguments
    def __init__(
        self,
        *,
        subscribe: Iterable[str] = ("*",),
        publish: Iterable[str] = ("*",),
        otherwise: Authorize | None = None,
    ) -> None:
        if otherwise is not None and not callable(otherwise):
            raise TypeError(
                f"otherwise is {otherwise!r}: give a function that takes a request and returns a"
                " Grant"
            )
        self._subscribe, self._publish = _selection(subscribe), _selection(publish)
        self._otherwise = otherwise

    def __call__(self, request: Request) -> Grant | Awaitable[Grant]:
        """
        See `twisted_sse.web.resource.Authorize`.
        """
        if self._otherwise is not None and request.requestHeaders.hasHeader(b"Authorization"):
            return self._otherwise(request)
        certificate = peer_certificate(request)
        if certificate is not None:
            return self._grant(certificate)
        if self._otherwise is not None:
            return self._otherwise(request)
        raise Unauthorized("This needs a client certificate.")

    def _grant(self, certificate: Certificate) -> Grant:
        return Grant(
            user_of(certificate),
            subscribe=self._subscribe,
            publish=self._publish,
            public=True,
            expires=certificate.not_valid_after_utc,
        )


def user_of(certificate: Certificate) -> str | None:
    """
    The user that a certificate names; ``None`` if it names nobody.
    """
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        if isinstance(attribute.value, str) and attribute.value:
            return attribute.value
    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
    except (ExtensionNotFound, ValueError):
        # ValueError: its CA has written extensions that cannot be read.
        return None
    for kind in _NAMES:
        for name in found.value.get_values_for_type(kind):
            return str(name)
    return None


def _selection(selectors: Iterable[str]) -> Selection | tuple[()]:
    given = (selectors,) if isinstance(selectors, str) else tuple(selectors)
    return Selection.of(given) if given else ()
