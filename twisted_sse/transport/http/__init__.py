"""
HTTP/1.1: the channel that Twisted runs for each connection, and its site.
"""

__all__: list[str] = []
