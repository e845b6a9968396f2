"""
Thousands of subscribers in one thread, which compare what they receive with one copy of it.

All of them read the same topic, so they receive the same bytes, but for where they begin and what
is between the events.  Responses are read as HTTP/1.0, without chunks.
"""

import errno
import heapq
import random
import re
import select
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Counts", "Herd"]

_REQUEST = b"GET /events?topic=soak HTTP/1.0\r\nHost: localhost\r\n%b\r\n"

# How often the sockets are read, in seconds, and how many connect in one turn.
_TURN = 0.1
_CONNECTING = 100

# How long a slow reader does not read, in seconds.
_SLOW = 10.0

_RETRY = re.compile(rb"^retry: (\d+)$", re.MULTILINE)


@dataclass
class Counts:
    """
    Attributes:
        refused: Connections that were refused.

        reset: Connections that were reset.

        cut: Streams that ended without a farewell.

        answers: Responses by their status, but for 200.

        farewells: Streams that ended with one, and with a reconnection time.

        resets: How often a subscriber was told of a gap.

        faults: What was lost, doubled, out of order or invented.

        returns: When each reconnection was made.
    """

    refused: int = 0
    reset: int = 0
    cut: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    farewells: int = 0
    resets: int = 0
    faults: list[str] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)

    @property
    def summary(self) -> dict[str, object]:
        """
        The numbers, for people.
        """
        return {
            "refused": self.refused,
            "reset": self.reset,
            "cut": self.cut,
            "answers": self.answers,
            "farewells": self.farewells,
            "resets": self.resets,
        }


class _Copy:
    """
    The events that were received, in order.

    Attributes:
        text: The bytes of all of them.
    """

    def __init__(self) -> None:
        self.text = bytearray()
        self._starts: dict[bytes, int] = {}
        self._ends: dict[int, bytes] = {}

    @property
    def count(self) -> int:
        """
        How many there are.
        """
        return len(self._starts)

    def place(self, block: bytes) -> int:
        """
        Where *block* is, which is added if it is new.
        """
        start = self._starts.get(block)
        if start is None:
            start = len(self.text)
            self._starts[block] = start
            self.text += block
            self._ends[len(self.text)] = block.partition(b"\n")[0].removeprefix(b"id: ")
        return start

    def id_before(self, place: int) -> tuple[bytes, int]:
        """
        The ID of the last event that ends at *place* or before, and where it ends.
        """
        while place not in self._ends:
            place -= 1
        return self._ends[place], place


class _Client:
    """
    One subscriber.

    Attributes:
        due: When a slow one reads next.

        place: Up to where it has what was received; ``None`` if it has nothing.
    """

    def __init__(self, herd: "Herd", slow: bool) -> None:
        self._herd = herd
        self.slow = slow
        self.due = 0.0
        self.retry = 3.0
        self.socket: socket.socket | None = None
        self.place: int | None = None
        self._rest = b""
        self._head = True
        self._left = False

    def connect(self) -> None:
        """
        Ask for the stream, from the last event on.
        """
        self._rest, self._head, self._left = b"", True, False
        self.socket = made = socket.socket()
        try:
            made.connect(("127.0.0.1", self._herd.port))
        except OSError:
            self._herd.counts.refused += 1
            self._lose()
            return
        last = b""
        if self.place is not None:
            id, self.place = self._herd.copy.id_before(self.place)
            last = b"Last-Event-ID: %b\r\n" % id
        made.sendall(_REQUEST % last)
        made.setblocking(False)
        self._herd.watch(self)

    def read(self) -> None:
        """
        Take what has arrived.
        """
        assert self.socket is not None
        try:
            data = self.socket.recv(1 << 20)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                self._herd.counts.reset += 1
                self._lose()
            return
        if not data:
            self._end()
            return
        self._rest += data
        if self._head and not self._take_head():
            return
        self._take()

    def leave(self) -> None:
        """
        Disconnect, and come back at once.
        """
        if self.socket is not None:
            self.socket.close()
            self.socket = None
            self._herd.come_back(self, 0.0)

    def _take_head(self) -> bool:
        head, blank, rest = self._rest.partition(b"\r\n\r\n")
        if not blank:
            return False
        status = head.split(b" ", 2)[1].decode()
        if status != "200":
            self._herd.counts.answers[status] += 1
            self._left = True
            self._lose()
            return False
        self._head, self._rest = False, rest
        return True

    def _take(self) -> None:
        copy = self._herd.copy
        place, rest = self.place, self._rest
        if place is not None and copy.text.startswith(rest, place):
            # What another subscriber has received before: it need not be looked at.
            self.place, self._rest = place + len(rest), b""
            return
        if place is not None:
            # The beginning of a block may have been compared already.
            _, start = copy.id_before(place)
            rest, self.place = bytes(copy.text[start:place]) + rest, start
        *blocks, rest = rest.split(b"\n\n")
        for block in blocks:
            self._take_block(block + b"\n\n")
        self._rest = rest

    def _take_block(self, block: bytes) -> None:
        counts = self._herd.counts
        if not block.startswith(b"id: "):
            found = _RETRY.search(block)
            if found:
                self.retry = int(found[1]) / 1000
            if b"event: stream-reset" in block:
                counts.resets += 1
                self.place = None
            self._left = self._left or b"event: pause" in block
            return
        copy = self._herd.copy
        expected = len(copy.text) if self.place is None else self.place
        start = copy.place(block)
        if start != expected and self.place is not None:
            counts.faults.append(f"{block!r} came where {copy.text[expected:][:40]!r} is next")
        self.place = start + len(block)

    def _end(self) -> None:
        if self._left:
            self._herd.counts.farewells += 1
        elif self.socket is not None:
            self._herd.counts.cut += 1
        self._lose()

    def _lose(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None
        # As browsers do, but for what they add by chance.
        self._herd.come_back(self, self.retry)


class Herd:
    """
    The subscribers.

    Args:
        count: How many there are.

        slow: How many of them read every ten seconds only.

        churn: How many leave and come back each second.

    Attributes:
        port: Of the hub.

        counts: What has happened.

        copy: What was received.

        turns: How often all sockets were looked at.
    """

    def __init__(self, port: int, count: int, slow: int, churn: int) -> None:
        self.port = port
        self.counts = Counts()
        self.copy = _Copy()
        self._clients = [_Client(self, number < slow) for number in range(count)]
        self._churn = churn
        self._epoll = select.epoll()
        self._open: dict[int, _Client] = {}
        self._coming: list[tuple[float, int, _Client]] = []
        self._number = 0
        self.turns = 0
        now = time.monotonic()
        for number, client in enumerate(self._clients):
            self.come_back(client, number / 1000 + now - time.monotonic())

    @property
    def connected(self) -> int:
        """
        How many have a connection.
        """
        return sum(client.socket is not None for client in self._clients)

    @property
    def behind(self) -> int:
        """
        How many do not have everything that was received.
        """
        return sum(client.place != len(self.copy.text) for client in self._clients)

    def watch(self, client: _Client) -> None:
        """
        Read its socket.
        """
        assert client.socket is not None
        self._open[client.socket.fileno()] = client
        self._epoll.register(client.socket, select.EPOLLIN)

    def come_back(self, client: _Client, wait: float) -> None:
        """
        Let it connect after *wait* seconds.
        """
        self._number += 1
        heapq.heappush(self._coming, (time.monotonic() + wait, self._number, client))

    def run(self, going_on: Callable[[], bool]) -> None:
        """
        Work until *going_on* is false.
        """
        left = 0.0
        while going_on():
            began = time.monotonic()
            self._connect(began)
            for number, _ in self._epoll.poll(0, len(self._clients) + 1):
                client = self._open[number]
                if client.slow and client.due > began:
                    continue
                client.due = began + _SLOW
                client.read()
            self.turns += 1
            left += self._churn * _TURN
            for client in random.sample(self._clients, int(left)):
                client.leave()
            left -= int(left)
            time.sleep(max(0.0, _TURN - (time.monotonic() - began)))

    def close(self) -> None:
        """
        Let everybody leave.
        """
        for client in self._clients:
            if client.socket is not None:
                client.socket.close()
                client.socket = None
        self._epoll.close()

    def _connect(self, now: float) -> None:
        for _ in range(_CONNECTING):
            if not self._coming or self._coming[0][0] > now:
                return
            _, _, client = heapq.heappop(self._coming)
            self.counts.returns.append(time.monotonic())
            client.connect()
