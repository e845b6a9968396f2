"""
Edges: hubs that follow another hub.

`twisted_sse.upstream.history.UpstreamHistory` is to be imported from there: it
brings an HTTP client, which a program that only looks for plugins does without.
"""

from twisted_sse.upstream.factory import UpstreamHistoryFactory

__all__ = ["UpstreamHistoryFactory"]
