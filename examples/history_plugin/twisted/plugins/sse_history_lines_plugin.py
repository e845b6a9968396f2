"""
Registers the history of JSON lines with Twisted.
"""

from sse_history_lines import LinesFactory

lines = LinesFactory()
