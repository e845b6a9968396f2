"""
Readers and publishers of `tests.chaos.runs`: small HTTP clients, which break off whenever
they are told to.
"""

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from tests.support.streams import ChunkDecoder
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent

__all__ = ["LAST", "RunReader", "read_store", "request"]

#: The run that is begun after all others, to know that everything was read.
LAST = "last"

# How long one answer may take, in seconds, and the pause before the next attempt.
_PATIENCE = 20.0
_PAUSE = 0.1


@asynccontextmanager
async def _connection(
    port: int, method: str, target: str, *headers: str
) -> AsyncIterator[tuple[int, bool, asyncio.StreamReader]]:
    """
    Send a request, and read the head of the answer: the status, whether the body has chunks,
    and the rest.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
        writer.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE)
        chunked = b"transfer-encoding: chunked" in head.lower()
        yield int(head.split(b" ", 2)[1]), chunked, reader
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def request(port: int, method: str, target: str) -> int:
    """
    Make a request, and leave when the head of the answer is there.

    Returns:
        Its status; 0 if there is no answer.
    """
    try:
        async with _connection(port, method, target) as (status, _, _):
            return status
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return 0


async def read_store(port: int) -> dict[str, list[str]]:
    """
    Read the tokens that history has of all runs, in their order: those that were written
    after the end of a run as well, which a reader of the run would not see.
    """
    while await request(port, "POST", f"/{LAST}?tokens=1&pause=0") != 200:
        await asyncio.sleep(_PAUSE)
    found: dict[str, list[str]] = {}
    chunks, decoder = ChunkDecoder(), Decoder()
    async with _connection(port, "GET", "/~all?last_event_id=earliest") as (_, _, body):
        while LAST not in found:
            data = await asyncio.wait_for(body.read(65536), _PATIENCE)
            if not data:
                raise ConnectionError("The stream of everything has ended.")
            for event in decoder.feed(chunks.feed(data)):
                if event.data is not None and event.event is None:
                    found.setdefault(event.data.partition(" ")[0], []).append(event.data)
    return found


class RunReader:
    """
    Follows one run to its end, on one node after the other.

    Attributes:
        tokens: What it was sent.

        outcome: How the run has ended; ``None`` until that was read.

        ended: When that was read, in seconds of `time.monotonic`.

        kills: How often it has broken off.

        resets: How often it was told that events are missing.
    """

    def __init__(self, name: str, ports: Sequence[int], kills: int, rng: random.Random) -> None:
        self.name = name
        self.tokens: list[str] = []
        self.outcome: str | None = None
        self.ended = math.inf
        self.kills = 0
        self.resets = 0
        self._ports = ports
        self._to_kill = kills
        self._rng = rng
        self._last_event_id = ""

    async def follow(self) -> None:
        """
        Read until the end, and come back after every loss.
        """
        while self.outcome is None:
            with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                await self._read_some()
            await asyncio.sleep(self._rng.uniform(0, _PAUSE))

    async def _read_some(self) -> None:
        port = self._rng.choice(self._ports)
        headers = [f"Last-Event-ID: {self._last_event_id}"] if self._last_event_id else []
        async with _connection(port, "GET", f"/{self.name}", *headers) as (status, chunked, body):
            if status == 204:
                self.outcome = "nothing"
            if status == 200 and chunked:
                await self._read(body)

    async def _read(self, body: asyncio.StreamReader) -> None:
        chunks, decoder = ChunkDecoder(), Decoder()
        leaves = self._to_kill > 0
        left = self._rng.randint(1, 30) if leaves else 1 << 30
        while self.outcome is None and left > 0:
            data = await asyncio.wait_for(body.read(4096), _PATIENCE)
            if not data:
                return
            for event in decoder.feed(chunks.feed(data)):
                if left > 0:
                    left -= self._take(event)
        if leaves and self.outcome is None:
            self._to_kill -= 1
            self.kills += 1

    def _take(self, event: ServerSentEvent) -> int:
        if event.event == "stream-reset":
            self.resets += 1
        if event.id is not None:
            self._last_event_id = event.id
        if event.event == "topic-end":
            self.outcome = event.json()["outcome"]
            self.ended = time.monotonic()
        elif event.data is not None and event.event is None:
            self.tokens.append(event.data)
            return 1
        return 0
