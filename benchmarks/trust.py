"""
How this program's own TLS clients trust its own certificate.
"""

import ssl

__all__ = ["trusting_context"]


def trusting_context(*protocols: str) -> ssl.SSLContext:
    """
    A client's TLS 1.3, so that all servers encrypt alike.

    The certificate is this program's own, made for nobody else, so none is looked at.

    Args:
        protocols: What is offered by ALPN.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context
