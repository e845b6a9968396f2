"""
The contracts between the hub and what others bring to it.

These docstrings are the specification: a history provider written from them
alone works, and `twisted_sse.testing.HistoryProviderContract` proves it.

All methods are called in the reactor's thread, and none of them may block it.
Wherever a method returns a value, it may return that value at once, a
`twisted.internet.defer.Deferred` of it, or a coroutine that returns it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.plugin import IPlugin
from zope.interface import Attribute, Interface

from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.topics import Selection

__all__ = ["IHistoryFactory", "IHistoryProvider", "ISharedHistoryProvider"]


class IHistoryProvider(Interface):
    """
    Keeps publications and gives them back in the order in which they were kept.

    The order that a provider makes is the order that subscribers see.  A
    provider that also provides `twisted.application.service.IService` is
    started before the hub uses it and stopped after.

    It must bound what it keeps, and may forget the oldest at any time.
    """

    def append(publications: Sequence[Publication]) -> Sequence[Record]:
        """
        Keep *publications*, all or none of them, in this order.

        The hub waits for the result before it appends again, and sends nothing
        that has not been kept.  What is published meanwhile comes as one batch
        in the next call, so one commit for each call is enough at any load.

        Args:
            publications: At least one.

        Returns:
            One `Record` for each publication, in the same order.  A publication
            whose event has an ``id`` keeps that ID; to the others the provider
            gives one, which must be unique over all lives of the store.
            ``<epoch>-<sequence>`` is such an ID if every life of the store has
            its own epoch.

        Raises:
            HistoryUnavailable: They cannot be kept now.  Nothing is sent, and
                the publishers are told to try again.
        """

    def since(last_event_id: str | None, topics: Selection, limit: int) -> Sequence[Record]:
        """
        Find what a returning subscriber has missed.

        May be called at any time, also while an `append` is under way.

        Args:
            last_event_id: Sent by the client, so trust nothing about it.
                ``None`` asks for everything from the oldest that is kept.

            topics: Only publications that it matches are wanted.  The hub
                itself withholds private publications; the provider need not.

            limit: The most publications to return, at least 1.

        Returns:
            Those that follow *last_event_id* and match *topics*, oldest first,
            the first *limit* of them.  Fewer than *limit* means that there is
            no more: everything kept when `since` was called has been considered.
            If several publications have the same ID, the oldest of them counts.

        Raises:
            UnknownEventID: *last_event_id* is not kept, or something that
                followed it is kept no longer: what was missed cannot be known.
                The subscriber is told so.

            HistoryUnavailable: Nothing can be found now.
        """

    def tail(limit: int) -> Tail:
        """
        Tell where the order ends, and what stands there.

        The hub asks before it appends anything, and keeps the answer in memory
        for those who come back soon.  It may ask again at any time, to see
        whether history is available.

        Args:
            limit: The most publications to return, at least 1.

        Returns:
            A `Tail` of the newest *limit* publications.  Where they begin, or
            would begin if nothing was ever kept, is a position whose number is
            lower than theirs and whose ID `since` accepts until the publication
            that follows it is forgotten.

        Raises:
            HistoryUnavailable: It cannot be told now.
        """


class ISharedHistoryProvider(IHistoryProvider):
    """
    A history that several hubs keep together, and so are one hub.

    Every hub sends what `follow` delivers and nothing else, so that all of them
    send the same in the same order.  What `append` returns goes into receipts.
    A number stands for the same publication at every hub.
    """

    def locate(event_id: str) -> Position:
        """
        Find where a returning subscriber stands.

        It may have got *event_id* from another hub, before `follow` has
        delivered it here.

        Args:
            event_id: Sent by the client, so trust nothing about it.

        Returns:
            The position of the event with this ID; of the oldest, if several
            publications have it.

        Raises:
            UnknownEventID: As `IHistoryProvider.since` would.

            HistoryUnavailable: Nothing can be found now.
        """

    def follow(
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        """
        Deliver everything that follows *after*, as long as the provider runs.

        Called once in each life of the provider, with the newest position of
        the last `tail`.  While the store is away nothing is delivered; when it
        is back, *deliver* goes on exactly where it was.

        Args:
            after: A position that `tail` has told.

            deliver: Takes one or more publications that follow what it was
                given before, in the one order, whichever hub has appended
                them.  None is left out and none is repeated.  It may be called
                with a publication before or after `append` has answered.

            restart: Takes the end of the order, of as many publications as
                are at hand, when *deliver* cannot go on exactly: what comes
                next is not kept any more, or the store has lost what it kept.
                *deliver* then goes on after that.  Subscribers of whom history
                knows no longer where they stand are told of a gap.
        """


class IHistoryFactory(IPlugin):
    """
    Builds history providers of one kind from the command line.

    Put an object that provides it into a module in ``twisted/plugins/`` of your
    distribution, and ``twistd sse --history SCHEME:…`` finds it.
    """

    scheme: str = Attribute("""What stands before the first colon; lower case.""")

    usage: str = Attribute(
        """
        One line: how to write it, with every default, such as
        ``memory:events=10000,bytes=64MiB,age=3600``.
        """
    )

    def build(arguments: str) -> IHistoryProvider:
        """
        Make a provider.  It opens nothing that a fork would break: the process
        may become a daemon before the provider is started.

        Args:
            arguments: What stands after the first colon; may be empty.

        Raises:
            ValueError: *arguments* cannot be obeyed; half a sentence that says
                what is wrong.  The user is shown it, and then *usage*.

            HistoryUnavailable: They are right, but what they name cannot be
                used; half a sentence.  The user is shown it alone.
        """
