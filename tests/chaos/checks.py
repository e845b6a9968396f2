"""
Compares the answers to publishers with the events that subscribers received.

Every subscriber receives each acknowledged event of its topics exactly once.  All
subscribers see one order, which does not contradict the times of requests and answers.
An event that was not acknowledged is received by all its subscribers or by none.

Nothing here does I/O or keeps time.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Allowed", "Attempt", "Fault", "ReceivedLog", "find_faults"]


@dataclass(slots=True)
class Attempt:
    """
    One event in one request.

    Attributes:
        data: Unique among all attempts.

        topics: The topics that it was published to.

        request: The name of its request, unique among all requests.

        place: Its index in the request.

        given: The ID that the publisher chose.

        sent: When the request was sent, in seconds.

        answered: When the complete answer 200 had arrived; infinite if it has not.

        id: Its ID according to the answer.

        refused: Whether the answer was 503.
    """

    data: str
    topics: tuple[str, ...]
    request: str
    place: int = 0
    given: str | None = None
    sent: float = 0.0
    answered: float = math.inf
    id: str | None = None
    refused: bool = False

    @property
    def acknowledged(self) -> bool:
        """
        Whether the publisher was told that the event is kept.
        """
        return self.answered != math.inf


@dataclass
class ReceivedLog:
    """
    What one subscriber has received, over all of its connections.

    Attributes:
        name: Names the subscriber in faults.

        wants: Whether the subscriber selected an event with these topics.

        entries: The ID and the data of each event, in the order of receipt.

        resets: The data of each ``stream-reset``.
    """

    name: str
    wants: Callable[[Sequence[str]], bool]
    entries: list[tuple[str, str]] = field(default_factory=list)
    resets: list[str] = field(default_factory=list)
    _starts: list[int] = field(default_factory=lambda: [0])

    def reset(self, data: str) -> None:
        """
        Note a ``stream-reset``.
        """
        self.resets.append(data)
        self._starts.append(len(self.entries))

    @property
    def segments(self) -> list[list[tuple[str, str]]]:
        """
        The entries between resets: after one, what is kept may come again.
        """
        ends = [*self._starts[1:], len(self.entries)]
        return [self.entries[start:end] for start, end in zip(self._starts, ends, strict=True)]


class Fault(NamedTuple):
    """
    Attributes:
        kind: Groups faults for counting.

        sentence: What has happened.
    """

    kind: str
    sentence: str


class Allowed(NamedTuple):
    """
    What the rules allow although it is a pity.

    Attributes:
        resets: Whether subscribers may be told of a gap.  Then they may lack events that were
            not acknowledged.

        losses: Whether those who are told may lack events that were acknowledged.  An event
            that they have may then be lost before it is acknowledged, and kept again, with
            another ID and at another place of the order.
    """

    resets: bool = False
    losses: bool = False


_NOTHING = Allowed()


def find_faults(
    attempts: Iterable[Attempt], logs: Sequence[ReceivedLog], allowed: Allowed = _NOTHING
) -> list[Fault]:
    """
    Find everything that the rules forbid.

    Args:
        attempts: All attempts of all publishers.

        logs: The first is of a subscriber to all topics; its order is compared with
            that of the others.
    """
    known = {attempt.data: attempt for attempt in attempts}
    seen = {data for received in logs for _, data in received.entries}
    order = list(dict.fromkeys(data for _, data in logs[0].entries if data in known))
    faults = list(_wrong_ids(known, logs, allowed))
    moved = _kept_again(known, logs) if allowed.losses else set()
    for received in logs:
        faults += _presence(received, known, seen, allowed)
        faults += _deviations(received, [data for data in order if data not in moved])
    faults += _contradicted(order, known)
    if not (allowed.resets and logs[0].resets):
        faults += _torn(order, known)
    return faults


def _presence(
    received: ReceivedLog, known: dict[str, Attempt], seen: set[str], allowed: Allowed
) -> Iterator[Fault]:
    times: Counter[str] = Counter()
    for segment in received.segments:
        # The most often within one.
        times |= Counter(data for _, data in segment)
    told = allowed.resets and bool(received.resets)
    for data, count in times.items():
        attempt = known.get(data)
        if attempt is None:
            yield Fault("invented", f"{received.name} got {data[:60]!r}, which was never sent.")
        elif not received.wants(attempt.topics):
            yield Fault("unwanted", f"{received.name} got {_brief(data)} of {attempt.topics}.")
        if count > 1:
            yield Fault("doubled", f"{received.name} got {_brief(data)} {count} times.")
    for data, attempt in known.items():
        due = attempt.acknowledged or data in seen
        if told:
            due = attempt.acknowledged and not allowed.losses
        if due and data not in times and received.wants(attempt.topics):
            why = f"acknowledged as {attempt.id!r}" if attempt.acknowledged else "others did"
            yield Fault("lost", f"{received.name} did not get {_brief(data)}; {why}.")
    for reset in [] if allowed.resets else received.resets:
        yield Fault("reset", f"{received.name} was told of a gap: {reset}.")


def _deviations(received: ReceivedLog, order: Sequence[str]) -> Iterator[Fault]:
    positions = {data: number for number, data in enumerate(order)}
    for segment in received.segments:
        highest = -1
        for data in dict.fromkeys(data for _, data in segment):
            position = positions.get(data, highest)
            if position < highest:
                later = _brief(order[highest])
                yield Fault("out of order", f"{received.name} got {_brief(data)} after {later}.")
            highest = max(highest, position)


def _contradicted(order: Sequence[str], known: dict[str, Attempt]) -> Iterator[Fault]:
    """
    An event that was acknowledged before another was sent comes before it.
    """
    latest: Attempt | None = None
    for data in order:
        attempt = known[data]
        if latest is not None and attempt.answered < latest.sent:
            yield Fault(
                "out of order",
                f"{_brief(data)} came after {_brief(latest.data)}, sent only after its answer.",
            )
        if latest is None or attempt.sent > latest.sent:
            latest = attempt


def _torn(order: Sequence[str], known: dict[str, Attempt]) -> Iterator[Fault]:
    """
    The events of a request are received all or none, in their order.
    """
    sizes = Counter(attempt.request for attempt in known.values())
    places: dict[str, list[int]] = {}
    for data in order:
        places.setdefault(known[data].request, []).append(known[data].place)
    for request, found in places.items():
        if found != list(range(sizes[request])):
            yield Fault("torn", f"Of {sizes[request]} in request {request} came {found}.")


def _kept_again(known: dict[str, Attempt], logs: Sequence[ReceivedLog]) -> set[str]:
    """
    Return the data of events that may have been kept again: they came with several IDs, or, if
    the publisher chose the ID, before and after a reset.
    """
    ids: dict[str, set[str]] = {}
    found = set()
    given = {data for data, attempt in known.items() if attempt.given}
    for received in logs:
        times: Counter[str] = Counter()
        for segment in received.segments:
            times.update({data for _, data in segment})
            for id, data in segment:
                ids.setdefault(data, set()).add(id)
        found |= {data for data, count in times.items() if count > 1 and data in given}
    return found | {data for data, several in ids.items() if len(several) > 1}


def _wrong_ids(
    known: dict[str, Attempt], logs: Sequence[ReceivedLog], allowed: Allowed
) -> Iterator[Fault]:
    """
    An event has one ID, the same in its receipt and in all streams, and no other
    event has that ID.
    """
    names: dict[str, str] = {}
    for data, attempt in known.items():
        if name := attempt.id or attempt.given:
            names[data] = name
        if attempt.id and attempt.given and attempt.id != attempt.given:
            yield Fault("misnamed", f"{_brief(data)} was given {attempt.given!r}: {attempt.id!r}.")
    for received in logs:
        for id, data in received.segments[-1] if allowed.losses else received.entries:
            if names.setdefault(data, id) != id:
                other = names[data]
                yield Fault(
                    "misnamed", f"{_brief(data)} is {id!r} to {received.name}, not {other!r}."
                )
    for id, count in Counter(names.values()).items():
        if count > 1:
            yield Fault("misnamed", f"{count} events have the ID {id!r}.")


def _brief(data: str) -> str:
    return data.partition(" ")[0]
