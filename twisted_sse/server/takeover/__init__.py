"""
``--takeover PATH``: a new process gets the listening sockets of the running hub.

The running hub listens on a UNIX socket at PATH.  A new process connects to it when its
configuration is good, and gets the descriptors of the sockets.  From then on connections
wait in the queues of the sockets, and none is refused.  If both share a history, the new
process starts, says so, and the old one ends its streams; otherwise the old one first ends
its streams and closes its history.
"""

__all__: list[str] = []
