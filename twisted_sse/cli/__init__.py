"""
``twisted-sse``: an event stream in a terminal.
"""

from twisted_sse.cli.program import main

__all__ = ["main"]
