"""
The hub as users have it: real processes, real sockets, real browsers.
"""
