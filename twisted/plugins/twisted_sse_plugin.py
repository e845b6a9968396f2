"""
Tells Twisted what this package adds to it.
"""

from twisted.application.service import ServiceMaker

sse = ServiceMaker("Server-Sent Events", "twisted_sse.server.tap", "An event stream server.", "sse")
