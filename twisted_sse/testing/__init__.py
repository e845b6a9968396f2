"""
For the tests of those who build on this package.
"""

from twisted_sse.testing.contract import HistoryProviderContract, SharedHistoryProviderContract

__all__ = ["HistoryProviderContract", "SharedHistoryProviderContract"]
