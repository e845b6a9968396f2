"""
Events and the formats they are written in.

Pure: nothing here does I/O, keeps time, or imports Twisted.  An event is checked
when it is made, so nothing that writes it checks again.
"""

__all__: list[str] = []
