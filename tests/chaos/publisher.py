"""
A publisher that sends one request at a time and records each answer.
"""

import asyncio
import json
import random
import time
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.chaos.checks import Attempt, Fault
from tests.chaos.subscriber import END_MARKER, parse_head
from tests.support.hub_process import TOKEN

__all__ = ["TOPICS", "Publisher"]

#: The topics of all events.
TOPICS = ("news/1", "news/2", "news/3", "prices", "chat")

# Between two attempts to connect, and after a refusal, in seconds.
_PAUSE = 0.05

# The longest pause between two requests, in seconds.
_LONGEST_PAUSE = 0.04

# How long an answer may take, in seconds.
_TIMEOUT = 20.0

_FORM, _JSON, _LINES = (
    "application/x-www-form-urlencoded",
    "application/json",
    "application/x-ndjson",
)


class _Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


class Publisher:
    """
    Publishes numbered events, one request after the other.

    An event that was not acknowledged is not sent again: each request is a new one.

    Args:
        name: The prefix of the data of its events.

        ports: The ports of the running hubs; read again for each connection.

    Attributes:
        attempts: Everything that it has sent.

        acknowledged: How many requests were answered 200.

        faults: Answers that are forbidden.
    """

    def __init__(self, name: str, ports: Sequence[int], rng: random.Random) -> None:
        self.attempts: list[Attempt] = []
        self.acknowledged = 0
        self.faults: list[Fault] = []
        self._name = name
        self._ports = ports
        self._rng = rng
        self._requests = 0
        self._stopping = False
        self._connection: tuple[StreamReader, StreamWriter] | None = None

    async def publish(self) -> None:
        """
        Publish until `stop`.
        """
        while not self._stopping:
            if await self._connect():
                await self._publish_once()
            await asyncio.sleep(self._rng.uniform(0, _LONGEST_PAUSE))
        self._disconnect()

    def stop(self) -> None:
        """
        Send no request after the current one.
        """
        self._stopping = True

    async def publish_end_marker(self) -> None:
        """
        Publish the last event, again and again until it is acknowledged.
        """
        body = json.dumps({"topic": list(TOPICS), "data": "", "event": END_MARKER})
        answer = None
        while answer is None or answer.status != 200:
            if await self._connect():
                answer = await self._post(_JSON, body)
            await asyncio.sleep(_PAUSE)
        self._disconnect()

    async def _connect(self) -> bool:
        # Another node's turn, where there are several.
        if self._rng.random() < 0.05:
            self._disconnect()
        if self._connection is None:
            try:
                port = self._rng.choice(self._ports)
                self._connection = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return False
        return True

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection[1].transport.abort()
            self._connection = None

    async def _publish_once(self) -> None:
        attempts = self._draft()
        content_type, body = self._write(attempts)
        self.attempts += attempts
        now = time.monotonic()
        for attempt in attempts:
            attempt.sent = now
        answer = await self._post(content_type, body)
        if answer is None:
            return
        if answer.status == 200:
            _acknowledge(attempts, content_type, answer.body)
            self.acknowledged += 1
        else:
            self._note_refusal(attempts, answer)
            await asyncio.sleep(_PAUSE)

    def _draft(self) -> list[Attempt]:
        self._requests += 1
        request = f"{self._name}-{self._requests}"
        size = self._rng.choice([1, 1, 1, 1, 2, 5])
        return [self._draft_one(request, place) for place in range(size)]

    def _draft_one(self, request: str, place: int) -> Attempt:
        (length,) = self._rng.choices([10, 100, 300, 20_000], [40, 40, 19, 1])
        topics = tuple(self._rng.sample(TOPICS, self._rng.choice([1, 1, 1, 2])))
        # An ID that is not ASCII, and that some clients encode in a header.
        given = f"eigene é {request},{place}" if self._rng.random() < 0.25 else None
        return Attempt(f"{request}-{place} {'x' * length}", topics, request, place, given)

    def _write(self, attempts: Sequence[Attempt]) -> tuple[str, str]:
        values = [_json(attempt) for attempt in attempts]
        if len(values) > 1 and self._rng.random() < 0.5:
            return _LINES, "\n".join(json.dumps(value) for value in values)
        if len(values) > 1:
            return _JSON, json.dumps(values)
        if self._rng.random() < 0.5:
            return _FORM, urlencode(values[0], doseq=True)
        return _JSON, json.dumps(values[0])

    async def _post(self, content_type: str, body: str) -> _Answer | None:
        """
        Send a request; return ``None`` if no complete answer arrives.
        """
        assert self._connection is not None
        reader, writer = self._connection
        content = body.encode()
        lines = [
            *("POST /events HTTP/1.1", "Host: localhost", f"Authorization: Bearer {TOKEN}"),
            *(f"Content-Type: {content_type}", f"Content-Length: {len(content)}"),
        ]
        try:
            async with asyncio.timeout(_TIMEOUT):
                writer.write("\r\n".join([*lines, "", ""]).encode() + content)
                status, headers = parse_head(await reader.readuntil(b"\r\n\r\n"))
                text = await reader.readexactly(int(headers["content-length"]))
        except TimeoutError:
            self.faults.append(Fault("silent", f"{self._name}: no answer in {_TIMEOUT} s."))
            self._disconnect()
            return None
        except (ConnectionError, IncompleteReadError):
            # The hub was killed: the outcome of the request is unknown.
            self._disconnect()
            return None
        return _Answer(status, headers, text.decode())

    def _note_refusal(self, attempts: Sequence[Attempt], answer: _Answer) -> None:
        for attempt in attempts:
            attempt.refused = True
        problem = answer.headers.get("content-type") == "application/problem+json"
        if answer.status != 503 or "retry-after" not in answer.headers or not problem:
            self.faults.append(Fault("bad refusal", f"{self._name} was answered {answer}."))


def _json(attempt: Attempt) -> dict[str, Any]:
    value: dict[str, Any] = {"topic": list(attempt.topics), "data": attempt.data}
    return value if attempt.given is None else {**value, "id": attempt.given}


def _acknowledge(attempts: Sequence[Attempt], content_type: str, body: str) -> None:
    now = time.monotonic()
    if content_type == _FORM:
        ids = [body]
    else:
        receipts = json.loads(body)
        ids = [one["id"] for one in (receipts if isinstance(receipts, list) else [receipts])]
    for attempt, id in zip(attempts, ids, strict=True):
        attempt.id, attempt.answered = id, now
