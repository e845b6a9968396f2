"""
Chooses the sink that writes the response to a request.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import tcp
from twisted.web.http import HTTPChannel
from twisted.web.server import Request

from twisted_sse.transport.http.doorrequest import DoorChannel
from twisted_sse.transport.http.http1 import StrictHTTPChannel
from twisted_sse.transport.http2.stream import H2Stream
from twisted_sse.transport.sink import Sink
from twisted_sse.transport.sinks.http2 import H2Sink
from twisted_sse.transport.sinks.request import RequestSink
from twisted_sse.transport.sinks.socket import SocketSink
from twisted_sse.transport.sinks.tls import TLSSink
from twisted_sse.transport.tls.protocol import TLSProtocol

__all__ = ["sink_for"]


def sink_for(request: Request) -> Sink:
    """
    Make the fastest sink that may be used for *request*.
    """
    channel: Any = request.channel
    if type(channel) is DoorChannel and _is_plain(request):
        door: Sink = channel.door
        return door
    if type(channel) is H2Stream and _is_plain(request):
        return H2Sink(request, channel)
    if type(channel) in (HTTPChannel, StrictHTTPChannel) and channel.requests == [request]:
        transport: Any = channel.transport
        if _is_plain(request) and _is_server(transport):
            return SocketSink(request, transport)
        if _is_plain(request) and _is_encrypted_server(transport):
            return TLSSink(request, transport)
    return RequestSink(request)


# The exact types: wrappers such as TLS forward unknown attributes to what they wrap, and
# plaintext would be written into an encrypted connection.


def _is_server(transport: object) -> bool:
    """
    Whether *transport* is a TCP connection that is not encrypted.
    """
    return type(transport) is tcp.Server and not transport.TLS


def _is_encrypted_server(transport: object) -> bool:
    """
    Whether *transport* is TLS directly on a TCP connection.
    """
    return type(transport) is TLSProtocol and _is_server(transport.transport)


def _is_plain(request: Request) -> bool:
    """
    Whether the response is sent as it is written, without gzip for example.
    """
    return getattr(request, "_encoder", None) is None
