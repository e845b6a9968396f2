"""
A hub seen from outside: its connections, its numbers, and a page that shows both.

Law: who looks must not be felt.  What takes longer with more connections is done in
slices, every answer is bounded, and nothing runs while nobody looks.  Whoever may use
this may read and publish everything.
"""

__all__: list[str] = []
