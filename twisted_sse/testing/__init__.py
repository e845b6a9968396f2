"""
Tools to test applications and history providers that use this package.
"""

from twisted_sse.testing.contract import HistoryProviderContract, SharedHistoryProviderContract
from twisted_sse.testing.streams import StreamAnswer, StreamClient

__all__ = [
    "HistoryProviderContract",
    "SharedHistoryProviderContract",
    "StreamAnswer",
    "StreamClient",
]
