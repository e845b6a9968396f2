"""
An upstream hub that answers whatever a test says, on a real port.
"""

import json
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

__all__ = ["FakeUpstream", "block", "note"]

reactor: Any = _reactor

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def note(**members: object) -> bytes:
    """
    The first line of a block.
    """
    return f": {json.dumps(members)}\n".encode()


def block(number: object, event_id: str, data: str = "x", topics: object = ("t",)) -> bytes:
    """
    An event as one hub sends it to another.
    """
    return note(number=number, topics=topics) + f"id: {event_id}\ndata: {data}\n\n".encode()


class FakeUpstream:
    """
    Attributes:
        excerpt: The body of answers about history, for the path of a request; or
            ``None`` to be silent.

        stream: The body of streams, which stay open; ``None`` to be silent.

        post: The whole answer to publications, with its head; ``None`` to be silent.

        asked: The first line of every request.

        headers: The head of every request.
    """

    def __init__(self) -> None:
        self.excerpt: Callable[[str], bytes | None] = lambda path: self.tail()
        self.stream: bytes | None = self.opening()
        self.post: bytes | None = None
        self.asked: list[str] = []
        self.headers: list[bytes] = []
        self._open: set[Protocol] = set()
        factory = Factory.forProtocol(_Answering)
        factory.upstream = self  # type: ignore[attr-defined]
        self._port = reactor.listenTCP(0, factory, interface="127.0.0.1")

    @property
    def url(self) -> str:
        """
        The URL of its ``/events``.
        """
        return f"http://127.0.0.1:{self._port.getHost().port}/events"

    def tail(self, number: int = 5, *blocks: bytes) -> bytes:
        """
        The answer to a question for the end of history.
        """
        before = {"number": number, "id": f"e-{number}"}
        return note(before=before, count=len(blocks)) + b"\n" + b"".join(blocks)

    def opening(self, number: int = 5) -> bytes:
        """
        What a stream begins with.
        """
        newest = {"number": number, "id": f"e-{number}"}
        head = note(number=number, newest=newest)
        return head + f"id: e-{number}\nevent: stream-open\ndata: {{}}\n\n".encode()

    async def stop(self) -> None:
        """
        Close everything.
        """
        await self._port.stopListening()
        for protocol in list(self._open):
            protocol.transport.abortConnection()  # type: ignore[union-attr]

    def answer(self, protocol: Protocol, head: bytes) -> None:
        """
        Answer the request *head* on a connection.
        """
        line = head.partition(b"\r\n")[0].decode()
        self.asked.append(line)
        self.headers.append(head)
        write: Callable[[bytes], None] = protocol.transport.write  # type: ignore[union-attr]
        if line.startswith("POST"):
            if self.post is not None:
                write(self.post)
            return
        if "excerpt=" not in line:
            if self.stream is not None:
                write(_HEAD + b"\r\n" + self.stream)
            return
        body = self.excerpt(line)
        if body is not None and body.startswith(b"HTTP/"):
            write(body)
        elif body is not None:
            write(_HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


class _Answering(Protocol):
    _received = b""

    def connectionMade(self) -> None:
        self.factory.upstream._open.add(self)  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.upstream._open.discard(self)  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        head, end, _ = self._received.partition(b"\r\n\r\n")
        if end:
            self._received = b""
            self.factory.upstream.answer(self, head)  # type: ignore[union-attr]
