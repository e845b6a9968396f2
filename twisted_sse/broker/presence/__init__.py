"""
Who is on which topic: members, from connections that begin and end.

A hub without presence makes none of these objects.  Presence is a state: nothing of
it goes through history, and what is told is either the state or the changes since.
"""

__all__: list[str] = []
