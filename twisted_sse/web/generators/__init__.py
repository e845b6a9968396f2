"""
Generators as event streams: a source is read at its reader's pace, and closed
whatever ends the stream.
"""

__all__: list[str] = []
