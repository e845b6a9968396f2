"""
How each client of a chaos run behaves, and its limits.  Clients and servers know both.

Values only.
"""

from typing import NamedTuple

from twisted_sse.client import Backoff

__all__ = [
    "BEHAVIORS",
    "CONNECT_TIMEOUT",
    "END_MARKER",
    "LONGEST",
    "MAX_EVENT_SIZE",
    "READ_TIMEOUT",
    "SHORTEST",
    "Behavior",
    "Source",
]

#: Small, so that a stall is noticed soon, in seconds.
READ_TIMEOUT = 1.0
CONNECT_TIMEOUT = 2.0

#: Small, so that an endless line is cheap, in bytes.  The largest event has half of it.
MAX_EVENT_SIZE = 64 * 1024

#: The bounds of every wait, whatever a server asks for, as in docs/client.md.  Not imported
#: from the package, which is what is tested.
SHORTEST, LONGEST = 0.1, 3600.0

#: The event type of the last event: a client that receives it is done.
END_MARKER = "end-marker"

_QUICK = Backoff(first=0.1, factor=1.0, jitter=0.0)
_GROWING = Backoff(first=0.1, factor=1.5, limit=0.8)
_STEADY = Backoff(first=0.25, factor=1.0, jitter=0.2)


class Behavior(NamedTuple):
    """
    How a client behaves.

    Attributes:
        form: The interface that it uses: ``events``, ``signals`` or ``calls``.

        backoff: How long it waits before it reconnects.

        tls: Whether it connects by TLS.

        slow: Whether it handles some events slowly, often for longer than the
            read timeout.

        restless: Whether it sometimes closes its source and makes another.

        body: The body of its POST; "" sends a GET.
    """

    form: str
    backoff: Backoff = _QUICK
    tls: bool = False
    slow: bool = False
    restless: bool = False
    body: str = ""

    @property
    def long_waits(self) -> bool:
        """
        Whether the client can be asked to wait for an hour: it then makes another source.
        """
        return self.form != "events"


class Source(NamedTuple):
    """
    What a client's request tells about its current `EventSource`.

    Attributes:
        number: 1 is the first.

        why: What ended the previous source: a status or the name of an error that was
            raised, ``over`` for an end without an error, ``own`` if the client closed
            it, or ``long`` for a wait of more than a minute.
    """

    number: int
    why: str


#: One for each client; repeated from the beginning if there are more clients.
BEHAVIORS = (
    Behavior("events"),
    Behavior("signals", _GROWING),
    Behavior("calls", _STEADY, slow=True),
    Behavior("events", _GROWING, tls=True),
    Behavior("signals", tls=True, restless=True),
    Behavior("calls", body="größer: 1"),
    Behavior("events", _STEADY, slow=True, restless=True),
    Behavior("signals", _STEADY, tls=True, slow=True),
)
