"""
A server that speaks HTTP by hand, and mostly badly: one port for each client.
"""

import random
from collections import Counter
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.chaos.answers import HUSH, Answer, End, dud
from tests.chaos.ending import client_is_there, end_connection
from tests.chaos.habits import READ_TIMEOUT, Habit, Source
from tests.chaos.ledger import Asked, Ledger
from tests.chaos.numbered import Numbered
from tests.chaos.requests import Request, parse
from tests.chaos.streams import farewell, stream
from tests.chaos.verdict import Fault

__all__ = ["Rogue"]

# How long a client that has no reason to stay may stay, in seconds.
_PATIENCE = 40.0

# Between two comments of a server that has nothing to say, in seconds.
_BEAT = 0.4 * READ_TIMEOUT

# After these the server may hear nothing more, so it returns no goodbye of TLS.  After an
# answer that is complete, or no HTTP, Twisted would wait for that as long as TCP lives.
_DEAF = ("stream stalled", "stream endless", "silence", "head stalled")


class Rogue(Factory):
    """
    What one client talks to.

    Args:
        number: The client's.

    Attributes:
        calm: Whether it behaves from now on, and comes to an end.

        ledger: What it thinks of the client.
    """

    # Twisted would log every connection.
    noisy = False

    def __init__(self, reactor: Any, seed: int, number: int, habit: Habit) -> None:
        self.calm = False
        self.habit = habit
        self.reactor = reactor
        self.rng = random.Random(f"{seed} rogue {number}")
        self.log = Numbered(seed, number, habit.patient)
        self.ledger = Ledger(f"client {number}", habit, self.log)
        self.talks: set[_Talk] = set()
        self.counts: Counter[str] = Counter()
        self._hops = 0

    def buildProtocol(self, address: object) -> "_Talk":
        """
        See `IProtocolFactory.buildProtocol`.
        """
        return _Talk(self)

    def answer(self, asked: Asked, last: int) -> Answer:
        """
        Decide what comes next.
        """
        if self.calm:
            return farewell(self.rng, self.log, last, self.ledger.highest)
        if self.rng.random() < 0.6:
            return stream(self.rng, self.log, last)
        self._hops += 1
        return dud(self.rng, f"/hop/{self._hops}", self.habit.patient)

    def settle(self, newest: "_Talk") -> None:
        """
        See that the client has closed all other connections.

        The kernel knows it before this program does.
        """
        for talk in self.talks - {newest}:
            if talk.asked is not None and talk.client_is_there():
                sentence = f"two requests under way, one of them answered by {talk.name}"
                self.fault("overlap", sentence)
            talk.settle()
            cast(Any, talk.transport).abortConnection()

    def fault(self, kind: str, what: str) -> None:
        """
        Note what the client may not do.
        """
        self.ledger.faults.append(Fault(kind, f"{self.ledger.name}: {what}."))


class _Talk(Protocol):
    """
    One connection: a request, and an answer.

    Attributes:
        asked: The request, when it has come.
    """

    def __init__(self, rogue: Rogue) -> None:
        self.asked: Asked | None = None
        self._rogue = rogue
        self._received = b""
        self._answer = HUSH
        self._last = 0
        self._accepted = self._begun = self._spoke = 0.0
        self._told = 0
        self._settled = False
        # When the client may notice that it is over; when everything was said.
        self._since: float | None = None
        self._playing: Deferred[None] | None = None
        self._overdue: Any = None

    @property
    def name(self) -> str:
        """
        What it answers.
        """
        return self._answer.name

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`.
        """
        rogue = self._rogue
        self._accepted = rogue.reactor.seconds()
        rogue.talks.add(self)
        if not rogue.calm and rogue.rng.random() < 0.02:
            rogue.ledger.hush(self._accepted)
            rogue.counts["hush"] += 1
            cast(Any, self.transport).loseConnection()

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        self._received += data
        request = parse(self._received)
        if request is None:
            return
        if self.asked is not None:
            self._rogue.fault("talks too much", repr(data[:60]))
            return
        self._take(request)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self._rogue.talks.discard(self)
        if self._overdue is not None and self._overdue.active():
            self._overdue.cancel()
        if self._playing is not None:
            self._playing.cancel()
        self.settle()

    def settle(self) -> None:
        """
        Tell the ledger how it has ended, once.
        """
        if self.asked is None or self._settled:
            return
        self._settled = True
        rogue, now = self._rogue, self._rogue.reactor.seconds()
        answer, silence = self._answer, float("inf")
        if self._since is None and (answer.opened or self._told < answer.settled):
            silence = now - self._spoke
        since = self._spoke if self._since is None else self._since
        rogue.ledger.end(self.asked, self._last, answer, now - self._begun, since, silence)

    def client_is_there(self) -> bool:
        """
        Whether the client has not closed its half.
        """
        return client_is_there(self.transport)

    def _take(self, request: Request) -> None:
        rogue = self._rogue
        self._begun = self._spoke = rogue.reactor.seconds()
        self._judge_request(request)
        number, _, why = request.headers["x-source"].partition(" ")
        last_event_id = request.headers.get("last-event-id", "")
        source = Source(int(number), why)
        self.asked = Asked(self._accepted, source, last_event_id, request.hop)
        rogue.settle(self)
        self._last = rogue.ledger.ask(self.asked)
        self._answer = rogue.answer(self.asked, self._last)
        self._playing = Deferred.fromCoroutine(self._play())

    def _judge_request(self, request: Request) -> None:
        wanted = self._rogue.habit.body
        # A redirect may have made a GET of it.
        got = (request.method, request.body) == ("POST" if wanted else "GET", wanted)
        if not got and not (request.hop and (request.method, request.body) == ("GET", "")):
            self._rogue.fault("another request", f"{request.method} with {request.body!r}")
        if request.headers.get("accept") != "text/event-stream":
            self._rogue.fault("another request", f"Accept: {request.headers.get('accept')}")

    async def _play(self) -> None:
        answer, rng = self._answer, self._rogue.rng
        try:
            while self._told < len(answer.wire):
                await self._breathe()
                size = rng.choice((1, 50, 2000, len(answer.wire)))
                self._speak(answer.wire[self._told : self._told + size])
                self._told += size
            for _ in range(answer.beats):
                await deferLater(self._rogue.reactor, _BEAT)
                self._speak(b":\n\n")
            if not answer.tail and answer.end is not End.STALL:
                # Who was told how much there is knows that this was all.
                self._since = self._spoke
            await self._breathe()
            self._finish()
        except CancelledError:
            return

    def _speak(self, data: bytes) -> None:
        cast(Any, self.transport).write(data)
        self._spoke = self._rogue.reactor.seconds()

    async def _breathe(self) -> None:
        rng = self._rogue.rng
        if self._told == 0 or rng.random() < 0.1:
            await deferLater(self._rogue.reactor, rng.choice((0.0, 0.01, 0.05, 0.3)))

    def _finish(self) -> None:
        answer, transport = self._answer, cast(Any, self.transport)
        self._since = self._spoke
        if answer.tail:
            self._since = self._rogue.reactor.seconds()
            transport.write(answer.tail)
        elif answer.end is End.STALL and answer.opened:
            self._since += READ_TIMEOUT
        if answer.name in _DEAF and self._rogue.rng.random() < 0.5:
            transport.pauseProducing()
        end_connection(transport, answer.end, self._rogue.reactor, self._rogue.rng)
        if answer.end is not End.RESET:
            self._overdue = self._rogue.reactor.callLater(_PATIENCE, self._give_up)

    def _give_up(self) -> None:
        if self.client_is_there():
            self._rogue.fault("stays", f"{_PATIENCE} s after {self.name}")
        cast(Any, self.transport).abortConnection()
