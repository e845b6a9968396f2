"""
``--workers N``: several processes serve one hub on the same sockets.

The first process, the parent, listens, starts the workers and watches them, and serves
no client.  Workers accept connections.  With a shared history each worker follows that
history; otherwise the parent keeps it, and workers are its edges: they follow it over their
pipes, and read it over a UNIX socket.
What clients are told is the hub's: receipts, limits and repeated requests count over
all workers.
"""

__all__: list[str] = []
