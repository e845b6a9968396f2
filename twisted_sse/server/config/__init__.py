"""
The configuration of a standalone hub: from a file, the environment and the command line.

Each option is described once, in `twisted_sse.server.config.options`; everything else
here works with that table and knows no option by name.
"""

__all__: list[str] = []
