"""
How bytes reach a client: HTTP/1.1, HTTP/2, TLS, and the socket below them.

Nothing here knows a topic, an event or a hub.
"""

__all__: list[str] = []
