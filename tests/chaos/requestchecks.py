"""
What a client may do next, and whether it did: each attempt against what came before it.

An attempt comes from the same `EventSource` as the one before, or from another that has a
right to be there.  It asks for what follows the last event that has arrived, and not before
the policy allows it.  Nothing here does I/O or keeps time.
"""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from tests.chaos.answers import Answer
from tests.chaos.behaviors import LONGEST, READ_TIMEOUT, SHORTEST, Behavior, Source
from tests.chaos.checks import Fault
from tests.chaos.numbered import NumberedEvents

__all__ = ["LATEST", "ClientRequest", "RequestChecker"]

#: How much later than the policy says an attempt may come, in seconds: so long a slow
#: consumer has something else to do, or the machine.
LATEST = 45.0

# Two clocks of one machine agree so well, in seconds.
_TICK = 0.05

# A stream that lived so long may count as healthy for who has seen it longer.
_ALMOST_HEALTHY = 55.0

# How long a server's silence is that nobody may have taken for a timeout.
_NO_SILENCE = 0.5 * READ_TIMEOUT


class ClientRequest(NamedTuple):
    """
    A request.

    Attributes:
        when: It was accepted, in seconds.

        source: Whose it is.

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
        known: Whether the answer came as far as *answer* says.

        since: From when on the client may have noticed the end, in seconds.

        early: Whether the client has left without a reason.
    """

    request: ClientRequest
    last: int
    answer: Answer
    known: bool
    since: float
    early: bool


class RequestChecker:
    """
    Judges one client's attempts.

    Attributes:
        faults: What it may not have done.

        counts: What it did, and how often.

        highest: The number of the last event that it may have.
    """

    def __init__(self, name: str, behavior: Behavior, log: NumberedEvents) -> None:
        self.name = name
        self.faults: list[Fault] = []
        self.counts: Counter[str] = Counter()
        self.highest = 0
        self._backoff = behavior.backoff
        self._log = log
        self._ended: _Ended | None = None
        # Of the present source: losses that are certain, and between what
        # the last retry lies, in seconds.
        self._losses = 0
        self._retry = (0.0, 0.0)
        self._silently_closed = False
        self._closed = 0.0

    def add_request(self, request: ClientRequest) -> int:
        """
        Take an attempt.

        Returns:
            The number of the event that it has last.
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
        A connection was closed before it said whose it is.
        """
        if self._ended is not None:
            self._ended.since = now
            self._ended.known = False
        self._silently_closed = True

    def refusing_connections(self, now: float) -> None:
        """
        Nobody is let in.
        """
        self._closed = now

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
            last: What `add_request` has returned.

            lasted: For how many seconds it was open.

            since: From when on the client may have noticed.

            silence: If the client has left before everything was said: how long
                nothing had been; else infinite.
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
        # Nobody knows what happened to who was sent away.
        known = ended.known and not self._silently_closed
        if answer.fatal and known:
            self._fault("went on", f"after {answer.name}")
        # Who is not let in begins where a redirect was.
        lost = answer.redirects and self._closed > ended.request.when
        if request.redirected != answer.redirects and known and not lost:
            self._fault("went astray", f"after {answer.name}: {request}")
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
        # Not asked of the policy itself, which is on trial.
        backoff, losses = self._backoff, max(1, self._losses)
        return min(backoff.first * backoff.factor ** (losses - 1), backoff.limit)

    def _check_new_source(self, request: ClientRequest, ended: _Ended | None) -> None:
        number, why = request.source
        before = 0 if ended is None else ended.request.source.number
        if number < before:
            self._fault("came back", f"source {number} after source {before}")
        right = {"own"} if ended else {"first"}
        if ended is not None:
            right |= ended.answer.fatal
            if ended.answer.huge or self._retry[1] > 60.0:
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
