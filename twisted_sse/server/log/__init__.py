"""
The log of a standalone hub: its format, its levels, and who used the hub.

Nothing that is logged contains a token, a cookie, or a topic.
"""

__all__: list[str] = []
