"""
``twisted-sse``: the command-line program.

A client of servers; only `twisted_sse.cli.lineparser` uses the hub's code, to read
NDJSON as the hub does.
"""

from twisted_sse.cli.program import main

__all__ = ["main"]
