"""
A subscriber that reconnects until it has received everything.

It receives what a browser would: complete events.  It reconnects with the ID of the last of
them, and records repeated events as well.
"""

import asyncio
import random
import socket
import time
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import quote

from tests.chaos.checks import Fault, ReceivedLog
from tests.support.streams import ChunkDecoder
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent

__all__ = ["END_MARKER", "INTERESTS", "Interest", "Subscriber", "parse_head"]

#: The event type of the last event, to all topics: a subscriber that receives it is done.
END_MARKER = "end-marker"

# Between two attempts to connect, in seconds.
_PAUSE = 0.05

# The read size in bytes: as much as there is, or little.
_FAST, _SLOW = 65536, 4096

# How long a slow subscriber waits between two reads, in seconds; on average it still
# reads faster than the publishers publish.
_PAUSES = (*[0.0] * 10, *[0.01] * 19, 0.7)


class Interest(NamedTuple):
    """
    Attributes:
        query: Selects the topics.

        wants: Whether the query selects an event with these topics; written without the
            matcher of the package, which is what is tested.
    """

    query: str
    wants: Callable[[Sequence[str]], bool]


#: The first selects everything.
INTERESTS = (
    Interest("topic=*", lambda topics: True),
    Interest("topic=news/1", lambda topics: "news/1" in topics),
    # The URI template "news/{name}".
    Interest(
        "topic=news/%7Bname%7D",
        lambda topics: any(topic.startswith("news/") for topic in topics),
    ),
    Interest("topic=chat&topic=news/2", lambda topics: "chat" in topics or "news/2" in topics),
)


class Subscriber:
    """
    Connects, reads and reconnects until the end marker arrives.

    Args:
        number: Determines its topics and behavior: every second subscriber speaks
            HTTP/1.0; of three, one reads slowly and one sometimes disconnects.

        ports: The ports of the running hubs; read again for each connection.

    Attributes:
        received: What it has received.

        connected: Whether its stream is open.

        connections: The number of streams that it has opened.

        losses: A description of each stream that it did not end itself.

        comments: The number of keepalive comments.

        refused: The number of answers 503.

        faults: Violations that *received* does not show.
    """

    def __init__(self, number: int, ports: Sequence[int], rng: random.Random) -> None:
        interest = INTERESTS[number % len(INTERESTS)]
        self.name = f"client {number}"
        self.received = ReceivedLog(f"{self.name} ({interest.query})", interest.wants)
        self.connected = self.done = False
        self.connections = self.comments = self.refused = 0
        self.losses: list[str] = []
        self.faults: list[Fault] = []
        self.slow = number % 3 == 2
        self._restless = number % 3 == 1
        self._version = "1.0" if number % 2 else "1.1"
        self._query = interest.query
        self._ports = ports
        self._rng = rng
        self._last_event_id = ""
        self._read_last = 0.0

    async def follow(self) -> None:
        """
        Return when the end marker has arrived.
        """
        while not self.done:
            try:
                reader, writer = await self._connect()
            except OSError:
                await asyncio.sleep(_PAUSE)
                continue
            try:
                # A timeout is the subscriber's own decision to disconnect, not a fault.
                async with asyncio.timeout(self._rng.expovariate(1.0) if self._restless else None):
                    await self._attend(reader, writer)
            except TimeoutError:
                self.connected = False
            except (ConnectionError, IncompleteReadError) as error:
                self._note_loss(repr(error))
            finally:
                writer.transport.abort()

    async def _connect(self) -> tuple[StreamReader, StreamWriter]:
        self._read_last = time.monotonic()
        plain = socket.socket()
        plain.setblocking(False)
        if self.slow:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SLOW)
        address = ("127.0.0.1", self._rng.choice(self._ports))
        try:
            await asyncio.get_running_loop().sock_connect(plain, address)
        except OSError:
            plain.close()
            raise
        return await asyncio.open_connection(sock=plain, limit=_SLOW if self.slow else _FAST)

    async def _attend(self, reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(self._request())
        status, headers = parse_head(await reader.readuntil(b"\r\n\r\n"))
        if status == 200:
            await self._read(reader, headers)
            return
        self.refused += 1
        if status != 503 or "retry-after" not in headers:
            self.faults.append(
                Fault("bad refusal", f"{self.name} was answered {status}: {headers}.")
            )
        await asyncio.sleep(_PAUSE)

    def _request(self) -> bytes:
        target, lines = f"/events?{self._query}", ["Host: localhost"]
        if self._last_event_id and self._rng.random() < 0.5:
            target += f"&last_event_id={quote(self._last_event_id, safe='')}"
        elif self._last_event_id:
            lines.append(f"Last-Event-ID: {self._last_event_id}")
        text = f"GET {target} HTTP/{self._version}\r\n" + "".join(f"{line}\r\n" for line in lines)
        return text.encode() + b"\r\n"

    async def _read(self, reader: StreamReader, headers: dict[str, str]) -> None:
        chunks = ChunkDecoder() if headers.get("transfer-encoding") == "chunked" else None
        decoder = Decoder(last_event_id=self._last_event_id)
        while not self.done:
            data = await reader.read(_SLOW if self.slow else _FAST)
            if not data:
                self._note_loss("the end")
                return
            self._read_last = time.monotonic()
            events = decoder.feed(data if chunks is None else chunks.feed(data))
            for event in events:
                self._take(event)
            self._last_event_id = decoder.last_event_id
            if self.slow:
                await asyncio.sleep(self._rng.choice(_PAUSES))

    def _take(self, event: ServerSentEvent) -> None:
        if self.done:
            return
        if event.comment is not None:
            self.comments += 1
        elif event.event == "stream-open":
            self._note_opening(event)
        elif event.event == "stream-reset":
            self.received.reset(event.data or "")
        elif event.event == END_MARKER:
            self.done = True
        elif event.data is not None:
            self.received.entries.append((event.id or "", event.data))

    def _note_opening(self, event: ServerSentEvent) -> None:
        self.connected = True
        self.connections += 1
        requested = self._last_event_id
        if requested and (not event.json()["resumed"] or event.id != requested):
            said = f"reconnected after {requested!r} and was told {event.id!r}, {event.data}"
            self.faults.append(Fault("not resumed", f"{self.name} {said}."))

    def _note_loss(self, what: str) -> None:
        silence = time.monotonic() - self._read_last
        where = "in a stream" if self.connected else "before a stream"
        self.losses.append(f"{what} {where}, after {silence:.1f} seconds of silence")
        self.connected = False


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """
    Parse the status and the headers of a response; names become lower case.
    """
    status, *lines = head.decode("utf-8").split("\r\n")
    pairs = [line.split(": ", 1) for line in lines if line]
    return int(status.split()[1]), {name.lower(): value for name, value in pairs}
