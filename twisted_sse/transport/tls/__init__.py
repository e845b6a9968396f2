"""
TLS: the server's certificates and their renewal, and the certificates to trust.
"""

__all__: list[str] = []
