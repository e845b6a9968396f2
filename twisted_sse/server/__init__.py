"""
``twistd sse``: reads the options, builds a standalone hub, and runs it.
"""

__all__: list[str] = []
