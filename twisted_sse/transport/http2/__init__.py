"""
HTTP/2 for streams that stay open (RFC 9113).
"""

__all__: list[str] = []
