"""
A window and its entries, for tests of the layers below the hub.
"""

from twisted_sse.broker.audiences.window import Entry, Window
from twisted_sse.broker.connections.grant import ANONYMOUS
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.topics import Interest, Selection

__all__ = ["EVERYTHING", "Order", "interest_in", "make_record"]


def interest_in(*selectors: str) -> Interest:
    """
    The interest of an anonymous subscriber to *selectors*.
    """
    return ANONYMOUS.interest(Selection.of(selectors))


#: Matches every public event.
EVERYTHING = interest_in("*")


def make_record(
    number: int, *, topic: str = "a", data: str | None = None, private: bool = False
) -> Record:
    """
    A record with number *number*, which is also its data by default.
    """
    event = ServerSentEvent(str(number) if data is None else data)
    return Record(number, f"e-{number}", Publication((topic,), event, private))


class Order:
    """
    The total order of a hub: numbers publications, and keeps them in a window.

    Attributes:
        entries: Every publication, oldest first.
    """

    def __init__(self, *, events: int = 1 << 20, size: int = 1 << 40) -> None:
        self.window = Window(events, size)
        self.window.start(Tail(Position(0, "e-0"), []))
        self.entries: list[Entry] = []

    def publish(self, topic: str = "a", *, data: str | None = None, private: bool = False) -> Entry:
        """
        Add the next publication.
        """
        number = self.window.head.number + 1
        record = make_record(number, topic=topic, data=data, private=private)
        (entry,) = self.window.extend([record])
        self.entries.append(entry)
        return entry

    def between(self, after: int, upto: int) -> bytes:
        """
        The frames of the entries after number *after*, up to number *upto*.
        """
        return b"".join(one.frame for one in self.entries if after < one.number <= upto)
