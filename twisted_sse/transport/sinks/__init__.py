"""
A sink writes the bytes of one stream over one kind of transport.

A sink says how many bytes it has taken, and calls back when it has room again.
It knows neither events nor topics.
"""

__all__: list[str] = []
