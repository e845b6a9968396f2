"""
Open event streams: each one's state, what it may read, and why it ends.

Every end goes through `Connection.end`, once, with an `EndReason`.
"""

__all__: list[str] = []
