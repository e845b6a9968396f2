"""
Edges: hubs that follow another hub.

Import `UpstreamHistory` from `twisted_sse.history.upstream.history`: it imports an
HTTP client, which this package does not need before.
"""

__all__: list[str] = []
