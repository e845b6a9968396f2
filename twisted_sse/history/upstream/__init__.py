"""
Edges: hubs that follow another hub.

`twisted_sse.history.upstream.history.UpstreamHistory` is to be imported from there: it
brings an HTTP client, which a program that only looks for plugins does without.
"""

__all__: list[str] = []
