"""
``twistd sse``: reads options, builds a hub of its own, and runs it.
"""

__all__: list[str] = []
