"""
HTTP: what a hub says to browsers, curl and programs.
"""

from twisted_sse.web.cors import CORS
from twisted_sse.web.stream import EventStreamResource

__all__ = ["CORS", "EventStreamResource"]
