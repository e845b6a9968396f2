"""
Server-Sent Events for Twisted: a hub that runs by itself, and resources to embed.
"""

from typing import TYPE_CHECKING, Any

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.broker.presence.settings import Presence
from twisted_sse.errors import Forbidden, NoContent, Unauthorized
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.presence import PresenceMember
from twisted_sse.events.publication import Receipt
from twisted_sse.history import MemoryHistory, SQLiteHistory
from twisted_sse.hub import Hub
from twisted_sse.interfaces import IHistoryProvider, ISharedHistoryProvider
from twisted_sse.publisher import Publisher
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.cors import CORS
from twisted_sse.web.generators.imperative import EventStream, StreamClosed, event_stream_for
from twisted_sse.web.generators.response import EventSourceResponse
from twisted_sse.web.generators.responsestream import ResponseStream

if TYPE_CHECKING:
    from twisted_sse.web.clientcertificate import ClientCertificate
    from twisted_sse.web.tokens.authorize import JWT

__all__ = [
    "CORS",
    "JWT",
    "BearerTokens",
    "ClientCertificate",
    "Connection",
    "EndReason",
    "EventSourceResponse",
    "EventStream",
    "Forbidden",
    "Grant",
    "Hub",
    "IHistoryProvider",
    "ISharedHistoryProvider",
    "MemoryHistory",
    "NoContent",
    "Presence",
    "PresenceMember",
    "Publisher",
    "Receipt",
    "ResponseStream",
    "SQLiteHistory",
    "ServerSentEvent",
    "StreamClosed",
    "Unauthorized",
    "event_stream_for",
]


def __getattr__(name: str) -> Any:
    # Imported when they are first used: with what they need of the cryptography package,
    # that takes 50 ms.
    if name == "JWT":
        from twisted_sse.web.tokens.authorize import JWT

        return JWT
    if name == "ClientCertificate":
        from twisted_sse.web.clientcertificate import ClientCertificate

        return ClientCertificate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
