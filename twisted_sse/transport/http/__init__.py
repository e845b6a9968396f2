"""
The site that serves event streams, and the protocol of each of its connections.
"""

__all__: list[str] = []
