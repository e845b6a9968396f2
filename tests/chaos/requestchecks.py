"""
Checks each request of a client against the answer before it.

A request comes from the same `EventSource` as the one before, or from another that has a reason
to exist.  It asks for the events after the last one that has arrived, and comes no earlier than
the backoff policy allows.  Nothing here does I/O or keeps time.
"""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from tests.chaos.answers import Answer
from tests.chaos.behaviors import LONGEST, READ_TIMEOUT, SHORTEST, Behavior, Source
from tests.chaos.checks import Fault
from tests.chaos.numbered import NumberedEvents

__all__ = ["LATEST", "ClientRequest", "RequestChecker"]

#: How much later than the policy says a request may come, in seconds: a slow consumer, or a
#: busy machine, may take as long.
LATEST = 45.0

# How far two clocks of one machine may differ, in seconds.
_TICK = 0.05

# A stream that lasted this long for the server may count as healthy for the client, which may
# have measured more, in seconds.
_ALMOST_HEALTHY = 55.0

# A silence of the server that a client cannot have taken for a timeout, in seconds.
_NO_SILENCE = 0.5 * READ_TIMEOUT


class ClientRequest(NamedTuple):
    """
    A request.

    Attributes:
        when: When its connection was accepted, in seconds.

        source: The `EventSource` that sent it.

        last_event_id: As it was sent.

        redirected: Whether it follows a redirect.
    """

    when: float
    source: Source
    last_event_id: str
    redirected: bool


@dataclass
class _Ended:
    """
    Attributes:
        known: Whether the client received all of *answer*.

        since: When the client may first have noticed the end, in seconds.

        early: Whether the client closed the stream without a reason.
    """

    request: ClientRequest
    last: int
    answer: Answer
    known: bool
    since: float
    early: bool


class RequestChecker:
    """
    Checks the requests of one client.

    Attributes:
        faults: Violations by the client.

        counts: How often each thing happened.

        highest: The number of the last event that the client may have received.
    """

    def __init__(self, name: str, behavior: Behavior, log: NumberedEvents) -> None:
        self.name = name
        self.faults: list[Fault] = []
        self.counts: Counter[str] = Counter()
        self.highest = 0
        self._backoff = behavior.backoff
        self._log = log
        self._ended: _Ended | None = None
        # Of the current source: the losses that are certain, and the bounds of its
        # reconnection time, in seconds.
        self._losses = 0
        self._retry = (0.0, 0.0)
        self._silently_closed = False
        self._refused_until = 0.0

    def add_request(self, request: ClientRequest) -> int:
        """
        Check a request.

        Returns:
            The number of the last event that the client has received.
        """
        ended = self._ended
        if ended is not None and request.source.number == ended.request.source.number:
            self._check_same_source(request, ended)
        else:
            self._check_new_source(request, ended)
            self._losses, self._retry = 0, (0.0, 0.0)
        self._silently_closed = False
        return self._check_id(request, ended)

    def closed_silently(self, now: float) -> None:
        """
        The server closed a connection before the request.
        """
        if self._ended is not None:
            self._ended.since = now
            self._ended.known = False
        self._silently_closed = True

    def refused_connections(self, now: float) -> None:
        """
        The server refused connections until *now*.
        """
        self._refused_until = now

    def add_end(
        self,
        request: ClientRequest,
        last: int,
        answer: Answer,
        lasted: float,
        since: float,
        silence: float,
    ) -> None:
        """
        An answer has ended.

        Args:
            last: The value that `add_request` returned.

            lasted: How long it was open, in seconds.

            since: When the client may first have noticed the end.

            silence: If the client closed the connection before the answer was complete:
                how long the server had been silent.  Else infinite.
        """
        left = silence != float("inf")
        early = left and silence < _NO_SILENCE and answer.opened
        self._ended = _Ended(request, last, answer, answer.certain and not left, since, early)
        self.counts[answer.name] += 1
        if answer.opened:
            self.highest = max(self.highest, answer.highest)
        if answer.redirects or answer.fatal:
            return
        self._losses = 1 if answer.opened and lasted > _ALMOST_HEALTHY else self._losses + 1
        seconds = [retry / 1000 for retry in answer.retries]
        if seconds and self._ended.known and "endless" not in answer.name:
            self._retry = (seconds[-1], seconds[-1])
        else:
            low, high = self._retry
            self._retry = min([low, *seconds]), max([high, *seconds])

    def _check_same_source(self, request: ClientRequest, ended: _Ended) -> None:
        answer = ended.answer
        if ended.early:
            self.counts["left early"] += 1
        # After a silent close it is unknown which source had connected.
        known = ended.known and not self._silently_closed
        if answer.fatal and known:
            self._fault("went on", f"after {answer.name}")
        # A refused connection ends a redirect: the client starts again from its own URL.
        lost = answer.redirects and self._refused_until > ended.request.when
        if request.redirected != answer.redirects and known and not lost:
            self._fault("wrong target", f"after {answer.name}: {request}")
        if not request.redirected:
            self._check_delay(request, ended)

    def _check_delay(self, request: ClientRequest, ended: _Ended) -> None:
        waited = request.when - ended.since
        answer = ended.answer
        later = max(answer.retry_after, answer.until - ended.since) if ended.known else 0.0
        least = max(SHORTEST, self._grown(), min(max(self._retry[0], later), LONGEST))
        most = max(self._backoff.limit, self._retry[1], later)
        if waited < least - _TICK and not self._silently_closed:
            self._fault("too soon", f"{waited:.3f} s after {answer.name}, not {least:.3f}")
        if waited > most * (1 + self._backoff.jitter) + LATEST:
            self._fault("too late", f"{waited:.3f} s after {answer.name}, not {most:.3f}")

    def _grown(self) -> float:
        # Computed here, because the policy itself is what is tested.
        backoff, losses = self._backoff, max(1, self._losses)
        return min(backoff.first * backoff.factor ** (losses - 1), backoff.limit)

    def _check_new_source(self, request: ClientRequest, ended: _Ended | None) -> None:
        number, why = request.source
        before = 0 if ended is None else ended.request.source.number
        if number < before:
            self._fault("earlier source", f"source {number} after source {before}")
        right = {"own"} if ended else {"first"}
        if ended is not None:
            right |= ended.answer.fatal
            if ended.answer.long_wait or self._retry[1] > 60.0:
                right.add("long")
        if why not in right and not self._silently_closed:
            name = ended.answer.name if ended else "nothing"
            self._fault("gave up", f"because of {why!r} after {name}")

    def _check_id(self, request: ClientRequest, ended: _Ended | None) -> int:
        number = self._log.number(request.last_event_id)
        if number is None or number > self.highest:
            self._fault("strange ID", f"{request.last_event_id!r}, at most {self.highest}")
            return self.highest
        if ended is None:
            return number
        least = ended.last
        same = request.source.number == ended.request.source.number
        if ended.known and ended.answer.last is not None and same:
            least = ended.answer.last
            if number > least:
                self._fault("ahead", f"after {number}, not {least}, by {ended.answer.name}")
        if number < least:
            self._fault("behind", f"after {number}, not {least}, by {ended.answer.name}")
        return number

    def _fault(self, kind: str, what: str) -> None:
        self.faults.append(Fault(kind, f"{self.name}: {what}."))
