"""
Event streams in Klein apps: a decorator for routes that yield, and a hub's routes.

Klein chooses a reactor when it is imported, so nothing else here imports it, or
this package.
"""

from twisted_sse.klein.app import Klein
from twisted_sse.klein.hubroutes import hub_routes
from twisted_sse.klein.route import EventStreamRoute, StreamOptions, event_stream

__all__ = ["EventStreamRoute", "Klein", "StreamOptions", "event_stream", "hub_routes"]
