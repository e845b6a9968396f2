"""
What a connection that is behind has missed, and its way from replay to live.
"""

__all__: list[str] = []
