"""
The client: streams to follow, and a hub to publish to, over treq.
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
