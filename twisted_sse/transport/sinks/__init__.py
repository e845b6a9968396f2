"""
Sinks: each writes the bytes of one event stream over one kind of transport.

A sink says how many bytes it has accepted, and calls its stream when it has room
for more.  Nothing here knows an event or a topic.
"""

__all__: list[str] = []
