"""
How the benchmark's TLS clients trust its own certificate.
"""

import ssl

__all__ = ["trusting_context"]


def trusting_context(*protocols: str) -> ssl.SSLContext:
    """
    A TLS 1.3 context for clients, so that all servers encrypt alike.

    It verifies no certificate: the only one is made by this program.

    Args:
        protocols: The protocols offered by ALPN.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context
