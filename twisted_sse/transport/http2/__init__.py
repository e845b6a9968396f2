"""
HTTP/2 (RFC 9113) for streams that stay open.

A connection reads frames, a stream holds one request and its response, and the
outbox sends what the streams write, within the windows of the client.
"""

__all__: list[str] = []
