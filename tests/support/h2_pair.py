"""
The package's HTTP/2 connection and a correct client, in memory, on one clock.
"""

from __future__ import annotations

from typing import Any

from h2.connection import ConnectionInputs, H2ConnectionStateMachine
from h2.connection import H2Connection as H2Client
from h2.events import Event, StreamEnded, StreamReset
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.web.http import Request
from twisted.web.server import Site

from twisted_sse.transport.http2.connection import H2Connection
from twisted_sse.transport.http2.stream import H2Stream

__all__ = ["Pair", "Producer", "Transport"]


class Transport(StringTransportWithDisconnection):
    """
    A transport that records each write.

    Attributes:
        writes: The data of each write.

        aborted: Whether it was aborted.

        full: Whether each write pauses the producer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.aborted = False
        self.full = False

    def write(self, data: bytes) -> None:
        """
        See `ITransport.write`; a full transport pauses its producer.
        """
        super().write(data)
        self.writes.append(data)
        if self.full and self.producer is not None:
            self.producer.pauseProducing()

    def loseConnection(self) -> None:
        """
        See `ITransport.loseConnection`.  The client has not closed its side yet.
        """
        self.disconnecting = True

    def abortConnection(self) -> None:
        """
        See `ITCPTransport.abortConnection`.
        """
        self.aborted = True
        super().loseConnection()


class Producer:
    """
    Records the calls of its methods.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        """
        See `IPushProducer.pauseProducing`.
        """
        self.told.append("pause")

    def resumeProducing(self) -> None:
        """
        See `IPushProducer.resumeProducing`.
        """
        self.told.append("resume")

    def stopProducing(self) -> None:
        """
        See `IProducer.stopProducing`.
        """
        self.told.append("stop")


class _Waiting(Request):
    """
    A request that the test answers, unless *at_once* is true.
    """

    at_once = False

    def process(self) -> None:
        """
        See `twisted.web.http.Request.process`.
        """
        if self.at_once:
            self.write(b"here you are")
            self.finish()


class _States(H2ConnectionStateMachine):
    """
    A client's state machine that continues after a GOAWAY, as browsers do and h2 does not.
    """

    def process_input(self, input_: ConnectionInputs) -> list[Event]:
        """
        See `H2ConnectionStateMachine.process_input`.
        """
        return [] if input_ is ConnectionInputs.RECV_GOAWAY else super().process_input(input_)


class Pair:
    """
    Both ends of one connection.

    Args:
        timeout: The server closes an idle connection after this, in seconds.

        window: The bytes that are added to the connection's window of 65,535.

        settings: The client's settings.

    Attributes:
        client: The client's state machine.

        events: The events that the client has received.

        at_once: Whether requests are answered when they arrive.

        requests: The server's requests, by stream.

        ends: The results of each request's `notifyFinish`, by stream.
    """

    def __init__(
        self,
        settings: dict[int, int] | None = None,
        *,
        timeout: float | None = None,
        window: int = 0,
    ) -> None:
        self.clock = Clock()
        self.transport = Transport()
        self.requests: dict[int, Request] = {}
        self.ends: dict[int, list[str]] = {}
        self.events: list[Event] = []
        self.bodies: dict[int, bytes] = {}
        self.at_once = False
        self.client = H2Client()
        self.client.state_machine = _States()
        self.server = H2Connection(IReactorTime(self.clock))
        site = Site(None, reactor=self.clock)
        vars(self.server).update(requestFactory=self._request, site=site, factory=site)
        vars(self.server).update(timeOut=timeout, callLater=self.clock.callLater)
        self.transport.protocol = self.server
        self.server.makeConnection(self.transport)
        self.transport.registerProducer(self.server, True)
        self.client.initiate_connection()
        if settings:
            self.client.update_settings(settings)
        if window:
            self.client.increment_flow_control_window(window)
        self.exchange()

    def ask(self, method: str = "GET", *, end: bool = True) -> int:
        """
        Send a request, and return its stream.
        """
        stream = self.prepare(method, end=end)
        self.exchange()
        return stream

    def prepare(self, method: str = "GET", *, end: bool = True) -> int:
        """
        Queue a request for the next exchange, and return its stream.
        """
        stream: int = self.client.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "https"), (":authority", "a"), (":path", "/")]
        self.client.send_headers(stream, fields, end_stream=end)
        return stream

    def answer(self) -> tuple[int, Request, H2Stream]:
        """
        Send a request, and have the headers of its response sent.
        """
        stream = self.ask()
        request = self.requests[stream]
        request.write(b"")
        self.exchange()
        return stream, request, self.server.streams[stream]

    def exchange(self) -> None:
        """
        Deliver what each side has sent, and let one turn pass.
        """
        self.tell(self.client.data_to_send())
        self.clock.advance(0)
        self.listen()

    def tell(self, data: bytes) -> None:
        """
        Deliver *data* to the server.
        """
        if data:
            self.server.dataReceived(data)

    def listen(self) -> None:
        """
        Deliver to the client what the server has sent.
        """
        received = self.transport.value()
        self.transport.clear()
        for event in self.client.receive_data(received):
            self.events.append(event)
            if hasattr(event, "data"):
                before = self.bodies.get(event.stream_id, b"")
                self.bodies[event.stream_id] = before + event.data

    def lose(self) -> None:
        """
        Lose the TCP connection.
        """
        self.transport.abortConnection()

    @property
    def ended(self) -> list[int]:
        """
        The streams that were ended by END_STREAM.
        """
        return [one.stream_id for one in self.events if isinstance(one, StreamEnded)]

    @property
    def reset(self) -> dict[int, int]:
        """
        The streams that the server has reset, with the codes.
        """
        resets = [one for one in self.events if isinstance(one, StreamReset)]
        return {one.stream_id: int(one.error_code) for one in resets}

    def _request(self, channel: Any, queued: bool) -> Request:
        request = _Waiting(channel, queued)
        request.at_once = self.at_once
        stream = channel.streamID
        self.requests[stream] = request
        ends = self.ends[stream] = []
        told = lambda result: ends.append(type(getattr(result, "value", None)).__name__)  # noqa: E731
        request.notifyFinish().addBoth(told)
        return request
