"""
The publish/subscribe engine inside a hub.

A publication gets its place in one order, is kept by history, and only then sent.
A connection is a position in that order, not a queue.  The broker knows neither
HTTP nor the application.
"""

__all__: list[str] = []
