"""
Generators as event streams.

A source is read at the pace of its subscriber, and closed however the stream
ends.
"""

__all__: list[str] = []
