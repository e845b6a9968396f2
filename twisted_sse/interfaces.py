"""
The contracts between the hub and what others bring to it.

These docstrings are the specification: a history provider written from them
alone works, and `twisted_sse.testing.HistoryProviderContract` proves it.

All methods are called in the reactor's thread, and none of them may block it.
Wherever a method returns a value, it may return that value at once, a
`twisted.internet.defer.Deferred` of it, or a coroutine that returns it.
"""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import Interface

from twisted_sse.publication import Kept, Position, Publication
from twisted_sse.topics import Selection

__all__ = ["IHistoryProvider"]


class IHistoryProvider(Interface):
    """
    Keeps publications and gives them back in the order in which they were kept.

    The order that a provider makes is the order that subscribers see.  A
    provider that also provides `twisted.application.service.IService` is
    started before the hub uses it and stopped after.

    It must bound what it keeps, and may forget the oldest at any time.
    """

    def append(publications: Sequence[Publication]) -> Sequence[Kept]:
        """
        Keep *publications*, all or none of them, in this order.

        The hub waits for the result before it appends again, and sends nothing
        that has not been kept.  What is published meanwhile comes as one batch
        in the next call, so one commit for each call is enough at any load.

        Args:
            publications: At least one.

        Returns:
            One `Kept` for each publication, in the same order.  A publication
            whose event has an ``id`` keeps that ID; to the others the provider
            gives one, which must be unique over all lives of the store.
            ``<epoch>-<sequence>`` is such an ID if every life of the store has
            its own epoch.

        Raises:
            HistoryUnavailable: They cannot be kept now.  Nothing is sent, and
                the publishers are told to try again.
        """

    def since(last_event_id: str | None, topics: Selection, limit: int) -> Sequence[Kept]:
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

    def newest() -> Position:
        """
        Tell where the order ends.

        Called once, before anything is appended by this hub.

        Returns:
            The `Position` of the newest publication.  If nothing was ever
            kept, a number lower than the first publication's and an ID that
            `since` accepts as the one before the first.

        Raises:
            HistoryUnavailable: It cannot be told now.
        """
