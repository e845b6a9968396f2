"""
Tests streams without sockets and without waiting.
"""

from twisted_sse.testing.streams.answer import StreamAnswer
from twisted_sse.testing.streams.client import StreamClient

__all__ = ["StreamAnswer", "StreamClient"]
