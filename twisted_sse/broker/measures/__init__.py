"""
What a hub counts and times, for those who look at it from outside.

Law: nothing here is done for each delivery.  A number changes once for a batch, a
stream or a publication; what differs for each connection is added up when somebody
asks.
"""

__all__: list[str] = []
