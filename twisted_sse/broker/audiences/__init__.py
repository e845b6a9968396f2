"""
Live connections, grouped by what they receive: an event is framed and joined once
for each audience, not once for each connection.
"""

__all__: list[str] = []
