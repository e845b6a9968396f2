"""
TLS: the server's certificates and their renewal, and the CA certificates to trust.
"""

__all__: list[str] = []
