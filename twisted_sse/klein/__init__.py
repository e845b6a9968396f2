"""
Event streams in Klein apps: a decorator for routes that yield, and routes of a hub.

Importing Klein installs a reactor, so no other module of twisted_sse imports it, or
this package.
"""

from twisted_sse.klein.app import Klein
from twisted_sse.klein.hubroutes import hub_routes
from twisted_sse.klein.mercureroutes import mercure_routes
from twisted_sse.klein.route import EventStreamRoute, StreamOptions, event_stream

__all__ = [
    "EventStreamRoute",
    "Klein",
    "StreamOptions",
    "event_stream",
    "hub_routes",
    "mercure_routes",
]
