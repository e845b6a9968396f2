"""
The client: follows event streams and publishes to a hub, over treq.

Imports nothing else of this package but its errors and its events.
"""

from twisted_sse.client.backoff import Backoff
from twisted_sse.client.publisher import Publisher
from twisted_sse.client.signals import (
    Comment,
    Control,
    Lost,
    Opened,
    ReadyState,
    Signal,
)
from twisted_sse.client.source import EventSource
from twisted_sse.events.control import CONTROL_EVENTS

__all__ = [
    "CONTROL_EVENTS",
    "Backoff",
    "Comment",
    "Control",
    "EventSource",
    "Lost",
    "Opened",
    "Publisher",
    "ReadyState",
    "Signal",
]
