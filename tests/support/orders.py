"""
A window and its entries, for tests of the modules below the hub.
"""

from twisted_sse.broker.audiences.window import Entry, Window
from twisted_sse.broker.connections.grant import ANONYMOUS
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.topics import Interest, Selection

__all__ = ["EVERYTHING", "Order", "interest_in", "make_kept"]


def interest_in(*selectors: str) -> Interest:
    """
    Return the interest of an anonymous subscriber to *selectors*.
    """
    return ANONYMOUS.interest(Selection.of(selectors))


#: The interest in every topic.
EVERYTHING = interest_in("*")


def make_kept(
    number: int, *, topic: str = "a", data: str | None = None, private: bool = False
) -> Record:
    """
    Make the record with *number*, which by default is its data too.
    """
    event = ServerSentEvent(str(number) if data is None else data)
    return Record(number, f"e-{number}", Publication((topic,), event, private))


class Order:
    """
    A hub's order of publications: numbers them, and adds them to a window.

    Attributes:
        entries: All entries, the oldest first.
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
        record = make_kept(number, topic=topic, data=data, private=private)
        (entry,) = self.window.extend([record])
        self.entries.append(entry)
        return entry

    def between(self, after: int, upto: int) -> bytes:
        """
        Return the frames of the entries after number *after*, up to number *upto*.
        """
        return b"".join(one.frame for one in self.entries if after < one.number <= upto)
