"""
The contract of history providers, as tests to inherit.
"""

from twisted_sse.testing.contract.provider import (
    HistoryProviderContract,
    SharedHistoryProviderContract,
)

__all__ = ["HistoryProviderContract", "SharedHistoryProviderContract"]
