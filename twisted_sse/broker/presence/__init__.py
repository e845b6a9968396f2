"""
Who is on which topic: members, from connections that begin and end.

A hub without presence makes none of these objects.

Presence is a state, and nothing of it goes through history.  Joins and leaves as
publications would have one order with all others and be replayed, but every login and
logout would push a publication of the application out of what is kept, a quiet hub
would need heartbeats there, and a reader who returns would be told a past that it has
to add up.  So a reader is told the state, and then the changes since.
"""

__all__: list[str] = []
