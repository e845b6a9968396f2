"""
``twisted-sse history``: shows, exports, imports and backs up what a store holds.

It opens the store itself, and needs no hub.  Showing, exporting and backing up change
nothing, and work while hubs use the store.
"""

__all__: list[str] = []
