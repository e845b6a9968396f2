"""
Tells Twisted that there is a history of JSON lines.
"""

from sse_history_lines import LinesFactory

lines = LinesFactory()
