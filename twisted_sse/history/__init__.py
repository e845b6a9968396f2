"""
History providers: where publications are kept for those who come back.
"""

from twisted_sse.history.memory import MemoryHistory

__all__ = ["MemoryHistory"]
