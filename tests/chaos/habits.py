"""
What both sides of a chaos run know of each client: how it behaves, and its limits.

Values only.
"""

from typing import NamedTuple

from twisted_sse.client import Backoff

__all__ = [
    "CONNECT_TIMEOUT",
    "FENCE",
    "HABITS",
    "LONGEST",
    "MAX_EVENT_SIZE",
    "READ_TIMEOUT",
    "SHORTEST",
    "Habit",
    "Source",
]

#: So small that a stall takes no time, in seconds.
READ_TIMEOUT = 1.0
CONNECT_TIMEOUT = 2.0

#: So small that an endless line is cheap, in bytes; the largest event has half of it.
MAX_EVENT_SIZE = 64 * 1024

#: What docs/client.md says of every wait: its bounds, whatever a server asks for.  Not
#: taken from the package, which is on trial.
SHORTEST, LONGEST = 0.1, 3600.0

#: The event type of what comes last: who gets it is done.
FENCE = "fence"

_QUICK = Backoff(first=0.1, factor=1.0, jitter=0.0)
_GROWING = Backoff(first=0.1, factor=1.5, limit=0.8)
_STEADY = Backoff(first=0.25, factor=1.0, jitter=0.2)


class Habit(NamedTuple):
    """
    How a client behaves.

    Attributes:
        form: How it consumes: ``events``, ``signals`` or ``calls``.

        backoff: How long it waits.

        tls: Whether it comes by TLS.

        slow: Whether it takes its time for some events, often more than the
            read timeout.

        restless: Whether it closes its source now and then and makes another.

        body: What it posts; "" is a GET.
    """

    form: str
    backoff: Backoff = _QUICK
    tls: bool = False
    slow: bool = False
    restless: bool = False
    body: str = ""

    @property
    def patient(self) -> bool:
        """
        Whether it sees a wait of an hour coming, and makes another source instead.
        """
        return self.form != "events"


class Source(NamedTuple):
    """
    What a client says of its present `EventSource` with each request.

    Attributes:
        number: 1 is the first.

        why: What ended the one before: a status or the name of an error that was
            raised, ``over`` for an end without one, ``own`` for its own wish, or
            ``long`` for a wait of more than a minute.
    """

    number: int
    why: str


#: One for each client, and from the beginning again if there are more.
HABITS = (
    Habit("events"),
    Habit("signals", _GROWING),
    Habit("calls", _STEADY, slow=True),
    Habit("events", _GROWING, tls=True),
    Habit("signals", tls=True, restless=True),
    Habit("calls", body="größer: 1"),
    Habit("events", _STEADY, slow=True, restless=True),
    Habit("signals", _STEADY, tls=True, slow=True),
)
