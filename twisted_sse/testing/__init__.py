"""
For the tests of those who build on this package.
"""

from twisted_sse.testing.contract import HistoryProviderContract, SharedHistoryProviderContract
from twisted_sse.testing.streams import StreamAnswer, StreamClient

__all__ = [
    "HistoryProviderContract",
    "SharedHistoryProviderContract",
    "StreamAnswer",
    "StreamClient",
]
