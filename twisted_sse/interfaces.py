"""
The contracts between the hub and its history provider.

These docstrings are the specification: a provider can be written from them
alone, and `twisted_sse.testing.HistoryProviderContract` tests it.

All methods are called in the reactor's thread, and none of them may block it.
A method that returns a value may return the value itself, a
`twisted.internet.defer.Deferred` of it, or a coroutine that returns it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from twisted.plugin import IPlugin
from zope.interface import Attribute, Interface

from twisted_sse.events.holdings import Holdings, StoredPage
from twisted_sse.events.presence import Occupancy, PresenceNews
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.events.runrecord import RunBegun, RunKey, RunRecord
from twisted_sse.topics import Selection

__all__ = [
    "PRESENCE_BATCH",
    "ICheckedHistory",
    "IDescribedHistory",
    "IEndingHistory",
    "IHistoryFactory",
    "IHistoryProvider",
    "IHistoryReader",
    "IInstallableHistory",
    "IPresenceStore",
    "IReadableHistoryFactory",
    "IRunHistory",
    "ISearchableHistory",
    "ISharedHistoryProvider",
]

#: The most changes that a hub announces in one call of `IPresenceStore.exchange`.
PRESENCE_BATCH: Final = 100


class IHistoryProvider(Interface):
    """
    Keeps publications, and returns them in the order in which they were kept.

    Subscribers see the provider's order.  A provider that also provides
    `twisted.application.service.IService` is started before the hub uses it,
    and stopped afterwards.

    A provider must bound what it keeps, and may forget the oldest publications
    at any time.
    """

    def append(publications: Sequence[Publication]) -> Sequence[Record]:
        """
        Keep *publications*, all or none of them, in this order.

        The hub waits for the result before it calls `append` again, and sends
        only publications that have been kept.  Publications that arrive while
        it waits form one batch, which is passed to the next call, so one commit
        for each call is enough at any load.

        Args:
            publications: At least one.

        Returns:
            One `Record` for each publication, in the same order.  A publication
            whose event has an ``id`` keeps that ID.  The provider assigns an ID
            to each of the others, which must be unique over all lives of the
            store.  ``<epoch>-<sequence>`` is such an ID if every life of the
            store has its own epoch.

        Raises:
            HistoryUnavailable: The publications cannot be kept now.  None of
                them is sent, and the publishers are told to try again.

            PerhapsKept: They may have been kept, for example because the
                connection to the store was lost.  The publishers are told so.
        """

    def since(last_event_id: str | None, topics: Selection, limit: int) -> Sequence[Record]:
        """
        Find the publications that a returning subscriber has missed.

        May be called at any time, also before an earlier `append` has returned
        its result.

        Args:
            last_event_id: Sent by the client, so trust nothing about it.
                ``None`` asks for everything from the oldest that is kept.

            topics: Return only publications that match it.  The hub withholds
                private publications; the provider need not.

            limit: The most publications to return, at least 1.

        Returns:
            The publications that follow *last_event_id* and match *topics*,
            oldest first, the first *limit* of them.  A result shorter than
            *limit* is complete: it covers everything that was kept when `since`
            was called.  If several publications have *last_event_id* as their
            ID, the oldest of them counts.

        Raises:
            UnknownEventID: *last_event_id* is not kept, or a publication that
                followed it has been forgotten, so what was missed cannot be
                known.  The subscriber is told so.

            HistoryUnavailable: History cannot be read now.
        """

    def tail(limit: int) -> Tail:
        """
        Return the newest publications, and the position before them.

        The hub calls this before its first `append`, and keeps the result in
        memory for subscribers that come back soon.  It may call it again at any
        time, to see whether history is available.

        Args:
            limit: The most publications to return, at least 1.

        Returns:
            A `Tail` of the newest *limit* publications; of none, if nothing is
            kept.  The number of `Tail.before` is lower than theirs, and `since`
            accepts its ID until the publication that follows it is forgotten.
            An empty store has such a position too.

        Raises:
            HistoryUnavailable: History cannot be read now.
        """


class ISharedHistoryProvider(IHistoryProvider):
    """
    A history that several hubs share, so that they act as one hub.

    Every hub sends exactly what `follow` delivers, so all of them send the same
    publications in the same order.  The result of `append` is used for receipts
    only.  A number identifies the same publication at every hub.
    """

    def locate(event_id: str) -> Position:
        """
        Find the position of a returning subscriber.

        The subscriber may have received *event_id* from another hub, before
        `follow` has delivered that event to this one.

        Args:
            event_id: Sent by the client, so trust nothing about it.

        Returns:
            The position of the publication with this ID; of the oldest, if
            several have it.

        Raises:
            UnknownEventID: `IHistoryProvider.since` would raise it.

            HistoryUnavailable: History cannot be read now.
        """

    def follow(
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        """
        Deliver everything that follows *after*, as long as the provider runs.

        Called once in each life of the provider, with the newest position of
        the last `tail`.  While the store is unavailable, nothing is delivered;
        when it is available again, *deliver* continues exactly where it was.

        Args:
            after: A position that `tail` has returned.

            deliver: Call this with one or more publications that follow those
                of the call before, in the one order, whichever hub appended
                them.  Leave none out and repeat none.  It may be called with a
                publication before or after `append` has returned its record.

            restart: Call this with the end of the order, and as many
                publications as are at hand, when *deliver* cannot continue
                exactly: the next publication has been forgotten, or the store
                has lost what it kept.  Then *deliver* continues after that
                `Tail`.  Subscribers whose position history no longer knows are
                sent ``stream-reset``.
        """


class ICheckedHistory(IHistoryProvider):
    """
    A history that knows whether it can keep publications.

    Without this, a hub that has failed to append is not ready for some seconds, and
    then tries again with the next publication.
    """

    def check_available() -> None:
        """
        Check that publications can be kept, found and followed now.

        Called when somebody asks whether the hub is ready, which anybody may do at
        any rate.  A provider that tries to write bounds how often it does.

        Raises:
            HistoryUnavailable: They cannot; a sentence that says why.
        """


class ISearchableHistory(IHistoryProvider):
    """
    A history that finds a single publication by the ID that its publisher chose.

    With this, a hub can hide whether a publication exists that a subscriber may not
    read, also when it is older than what the hub has in memory.
    """

    def find(event_id: str) -> Record | None:
        """
        Find the publication whose publisher has chosen *event_id*.

        Args:
            event_id: Sent by the client, so trust nothing about it.

        Returns:
            The record that a subscriber with this ID would resume after; the oldest,
            if several have the ID.  ``None`` if no publisher has chosen it, or the
            record is not kept.

        Raises:
            HistoryUnavailable: History cannot be read now.
        """


class IEndingHistory(IHistoryProvider):
    """
    A history that keeps the ends of topics.

    A publication with an `Publication.outcome` is the last one of each of its topics.
    It is kept, found and delivered like any other, with its outcome.  As long as it is
    kept, so that `IHistoryProvider.since` returns it, nothing more is kept in these
    topics; when it is forgotten, they are as if they had never been published to.

    Without this, topics cannot be ended.
    """

    def append(publications: Sequence[Publication]) -> Sequence[Record]:
        """
        Do what `IHistoryProvider.append` does, but keep nothing in a topic that has ended.

        Args:
            publications: At least one.  In this batch, nothing follows the end of a
                topic in the same topic.

        Raises:
            TopicEnded: One or more of the topics of *publications* have ended, with a
                publication that is kept; `TopicEnded.topics` has at least one of them.
                None of *publications* was kept.  The hub refuses those that are for
                these topics, and calls again with the others.

            HistoryUnavailable, PerhapsKept: As for `IHistoryProvider.append`.
        """

    def ends(topics: Sequence[str]) -> Sequence[Record]:
        """
        Find the publications that have ended topics.

        Args:
            topics: Exact names, at least one; sent by a client, so trust nothing about
                them.

        Returns:
            The kept publications that have ended any of *topics*, each once, oldest
            first.

        Raises:
            HistoryUnavailable: History cannot be read now.
        """


class IRunHistory(IEndingHistory):
    """
    A history that keeps runs: topics that have one owner each, over all hubs.

    A run goes on from `begin_run` to the end of its topic, whoever ends it: its owner,
    another publisher, or `interrupt_runs` when the owner has not renewed its lease.  Its
    outcome is that of the end.  So that two processes never publish to one run, an owner
    that was taken for dead is refused by `append`, also if it was only frozen.

    A run that has ended is known for the ``keep`` seconds that it was begun with, or until
    the publication with which it ended is forgotten, if that is sooner.  Then neither the
    run nor the end of its topic is known any more, and the topic can begin anew.  What was
    published to it stays as long as the bounds of the history let it.

    Leases and ``keep`` are measured by one clock for all hubs, that of the store.  They must
    outlive the provider if the store does.

    Like `IHistoryProvider.append`, the hub calls `begin_run` and `interrupt_runs` only when
    the call of these three before has returned its result.  What they have kept is sent in
    that order; with a shared history, by `ISharedHistoryProvider.follow`.
    """

    def append(publications: Sequence[Publication]) -> Sequence[Record]:
        """
        Do what `IEndingHistory.append` does, and keep what an owner publishes only as long
        as its run goes on.

        A publication with an `Publication.outcome` ends the runs of its topics.

        Raises:
            RunLost: Publications have a `Publication.owner`, and for one of their topics no
                run with this owner goes on; `RunLost.topics` has at least one such topic.
                None of *publications* was kept.  The hub refuses those of these topics that
                have an owner, and calls again with the others.  For a run whose topic has
                ended, `TopicEnded` may be raised instead.

            TopicEnded, HistoryUnavailable, PerhapsKept: As for `IEndingHistory.append`.
        """

    def begin_run(topic: str, owner: str, lease: float, keep: float, private: bool) -> RunBegun:
        """
        Begin the run of *topic*, on condition that it has not begun.

        It begins with the publication `twisted_sse.events.runrecord.beginning`, which is
        kept like any other, in the same step.  If the call is repeated after its result was
        lost, the owner is recognized.

        Args:
            owner: Identifies the caller and this run of it: nobody else uses it, and nobody
                uses it for another run.

            lease: If the owner does not call `renew_runs` for this many seconds, the run may
                be interrupted.

            keep: For how many seconds the run is known after it has ended.

            private: Whether its beginning is private, and its end if it is interrupted.

        Returns:
            The run of the topic: that of another owner, also if it has ended, or else the
            new one.  The record of its beginning, if this call has kept it.

        Raises:
            TopicEnded: The topic has ended without ever being a run.  Nothing was kept.

            HistoryUnavailable: Nothing was kept.

            PerhapsKept: The run may have begun.
        """

    def renew_runs(keys: Sequence[RunKey], lease: float) -> Sequence[RunKey]:
        """
        Renew the leases of the owner's runs: from now on, they last *lease* seconds.

        Each hub calls this about four times in *lease* seconds, also without runs.  A lease
        that has run out can still be renewed as long as the run was not interrupted.

        Args:
            keys: All runs of the hub that go on, as it knows; possibly none.

        Returns:
            Those of *keys* that do not go on any more, or have another owner.

        Raises:
            HistoryUnavailable: They may not have been renewed.
        """

    def interrupt_runs(lease: float, limit: int) -> Sequence[Record]:
        """
        End runs whose leases have run out, with the outcome ``interrupted``.

        Each ends with the publication that `Publication.ending` makes.  Each hub calls this
        right after `renew_runs`, and as often.  So if nobody has called either of them for
        more than half of *lease*, the store itself was away, or all hubs were, and no owner
        could renew: then this ends nothing, and all leases last *lease* seconds from now.

        Args:
            lease: As for `renew_runs`.

            limit: The most runs to end, at least 1; those whose leases ran out first.

        Returns:
            The records of the ends, in their order.

        Raises:
            HistoryUnavailable: Nothing was kept.

            PerhapsKept: They may have ended.
        """

    def find_run(topic: str) -> RunRecord | None:
        """
        Find the run of *topic*, whether it goes on or has ended.

        Args:
            topic: Sent by a client, so trust nothing about it.

        Raises:
            HistoryUnavailable: History cannot be read now.
        """

    def list_runs(before: int | None, limit: int) -> Sequence[RunRecord]:
        """
        List the runs that are known, those that began last first.

        Args:
            before: Only those that began before the record with this number; ``None`` for
                all.

            limit: The most runs to return, at least 1.

        Raises:
            HistoryUnavailable: History cannot be read now.
        """


class IDescribedHistory(Interface):
    """
    Tells what a store holds.  An `IHistoryProvider` may provide this as well: then the
    admin endpoint of its hub shows it.
    """

    def describe() -> Holdings:
        """
        Tell what the store holds.

        Reads little, however much that is.

        Returns:
            What can be told.  ``twisted-sse history`` finds the rest by reading
            everything.

        Raises:
            HistoryUnavailable: The store cannot be read now.
        """


class IHistoryReader(IDescribedHistory):
    """
    Reads a store from beginning to end, and tells what it holds.

    ``twisted-sse history`` uses it, also while hubs use the store, so nothing here changes
    the store or keeps it from being changed.  An `IHistoryProvider` may provide this as
    well.  Of one that does not, the program reads what `IHistoryProvider.since` returns.
    A reader that is an `twisted.application.service.IService` is started before it is
    used, and stopped afterwards.
    """

    def read(cursor: str | None, limit: int) -> StoredPage:
        """
        Read the next publications, private ones included, oldest first.

        Args:
            cursor: `StoredPage.following` of the page before, or ``None`` to begin with
                the oldest.

            limit: The most publications to return, at least 1.  The reader returns
                fewer, if they are large.

        Returns:
            Publications that follow those of the page before.  The pages together have
            everything that was kept at the first call, except for what was forgotten
            meanwhile, and may end there.

        Raises:
            HistoryUnavailable: The store cannot be read now; the same call may succeed
                later.
        """


class IInstallableHistory(Interface):
    """
    Prepares a store that hubs cannot use before that; ``twisted-sse history`` calls it.

    An `IHistoryProvider` may provide this as well.
    """

    def install() -> bool:
        """
        Prepare the store, or bring it up to date; all or nothing.  May be called before the
        provider is started.

        Returns:
            Whether anything had to be done.

        Raises:
            HistoryUnavailable: The store could not be prepared, and nothing was changed.
        """

    def install_sql() -> str:
        """
        The statements that prepare an empty store, for an administrator to run.
        """


class IPresenceStore(Interface):
    """
    Tells the hubs of a shared history who is on which topic at the others.

    An `ISharedHistoryProvider` may provide this as well.  Presence is a state of its own
    beside the publications, and takes no room of theirs.  Without this, each hub tells
    only of its own subscribers.
    """

    def exchange(
        node: str, changes: Sequence[Occupancy], after: str | None, ttl: float
    ) -> PresenceNews:
        """
        Announce who has come to one hub and gone, and learn the same of the others.

        Each hub calls this about once in a second, also without changes, and not again
        before the result is there.  After an error it announces the same changes again.

        Args:
            node: Identifies this run of the hub.

            changes: What is the case at the hub now, in order, at most
                `PRESENCE_BATCH`.  A later one replaces an earlier one of the same topic
                and user.

            after: The cursor of the last result, or ``None``.

            ttl: If the hub does not call again for this many seconds, nobody is there
                any more: the store forgets what it announced, and tells the other hubs
                with their next calls.  But if no hub has called for that long, the store
                itself was away, and all of them get the time once more.

        Returns:
            What other hubs have announced after the cursor *after*, in one order that is
            the same for all hubs.  If *after* is ``None``, or the changes since are not
            at hand any more, everything instead, with ``whole=True``.  It may contain a
            change that was made meanwhile, which the next result repeats.

        Raises:
            HistoryUnavailable: The store cannot be used now.
        """


class IHistoryFactory(IPlugin):
    """
    Builds history providers of one kind from the command line.

    Put a provider of this interface into a module in ``twisted/plugins/`` of
    your distribution, and ``twistd sse --history SCHEME:…`` finds it.
    """

    scheme: str = Attribute("""The text before the first colon; lower case.""")

    usage: str = Attribute(
        """
        One line that shows the option with every default, such as
        ``memory:events=10000,bytes=64MiB,age=3600``.
        """
    )

    def build(arguments: str) -> IHistoryProvider:
        """
        Make a provider.

        Open nothing that a fork would break: the process may become a daemon
        before the provider is started.

        Args:
            arguments: The text after the first colon; may be empty.

        Raises:
            ValueError: *arguments* are invalid; half a sentence that says what
                is wrong.  The user sees it, followed by *usage*.

            HistoryUnavailable: *arguments* are valid, but the store that they
                name cannot be used; half a sentence.  The user sees it alone.
        """


class IReadableHistoryFactory(IHistoryFactory):
    """
    A factory whose providers cannot be used just for reading, for example because a store
    belongs to one hub.
    """

    def build_reader(arguments: str) -> IHistoryReader:
        """
        Make a reader of the store that `IHistoryFactory.build` would use.

        Raises:
            ValueError: As for `IHistoryFactory.build`.

            HistoryUnavailable: As for `IHistoryFactory.build`, or the store does not exist.
        """
