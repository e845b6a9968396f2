"""
The terminal tools, piece by piece.
"""
