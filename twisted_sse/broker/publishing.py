"""
Publishes to a hub from Python: what programs call, from the arguments to a receipt.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from functools import partial
from threading import get_ident

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python import threadable

from twisted_sse.broker.batch import batch_of, collect
from twisted_sse.broker.broker import Broker
from twisted_sse.clock import threads_of
from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.jsontext import Encoder, check_encoder, json_writer
from twisted_sse.events.publication import Publication, Published, Receipt

__all__ = ["HubPublishing"]


class HubPublishing:
    """
    The part of `twisted_sse.Hub` that publishes.

    Args:
        encoder: As the hub takes it.

    Attributes:
        broker: The `Broker` that keeps and sends what is published.

        clock: As of the hub.
    """

    broker: Broker
    clock: IReactorTime

    def __init__(self, encoder: Encoder | None) -> None:
        check_encoder(encoder)
        self.encoder = encoder
        write_json = json_writer(encoder, "publish() got")
        self._publication = partial(Publication.of, write_json=write_json)

    def publish(
        self,
        topics: str | Iterable[str],
        data: object,
        *,
        event: str | None = None,
        id: str | None = None,
        retry: int | None = None,
        private: bool = False,
    ) -> Deferred[Receipt]:
        """
        Send an event to all subscribers of *topics*.

        You need not wait for the result: events are sent in the order in which
        they are published.

        Args:
            topics: One topic, or several.

            data: A string is sent as it is, and anything else as JSON.  A
                `ServerSentEvent` has all fields itself.

            event: The event type.

            id: An event ID; by default history makes one.

            retry: A new reconnection time, in milliseconds.

            private: Send it only to subscribers whose grant covers it.

        Returns:
            A receipt, when history has kept the event.

        Raises:
            InvalidTopic, InvalidEvent: The event cannot be sent.

            RuntimeError: Another thread than the reactor's has called this; see
                `publish_from_thread`.

            TopicEnded: As the failure of the `Deferred`: one of *topics* has ended.

            HistoryUnavailable, HubClosed: As failures of the `Deferred`; the
                event was not sent.
        """
        _check_thread()
        publication = self._publication(
            topics, data, event=event, id=id, retry=retry, private=private
        )
        return self._submit(publication)

    def end(
        self,
        topics: str | Iterable[str],
        outcome: Outcome = "done",
        final: ServerSentEvent | None = None,
        *,
        private: bool = False,
    ) -> Deferred[Receipt]:
        """
        End *topics*: nothing more is published to them, by any hub that shares history.

        A stream ends in good order when all its topics have ended and it was sent
        everything; a subscriber that comes back after that is answered with 204, so
        that browsers stop.  Streams of patterns and of ``*`` go on.

        Topics have ended as long as history keeps their last event.  When that is
        forgotten, they are as if they had never been published to.

        Args:
            topics: One topic, or several.

            outcome: ``done``, ``failed``, ``cancelled`` or ``interrupted``.

            final: The last event; by default a control event, ``topic-end``, whose data
                is the outcome as JSON.

            private: As for `publish`.  Subscribers that may not read the last event are
                not told that the topic has ended: their streams go on.

        Returns:
            A receipt, when history has kept the end.

        Raises:
            InvalidTopic, InvalidEvent: The end cannot be published.

            RuntimeError: As for `publish`.

            TopicEnded: As the failure of the `Deferred`: one of *topics* has ended
                before.

            EndsNotKept, HistoryUnavailable, HubClosed: As failures of the `Deferred`;
                nothing has ended.
        """
        _check_thread()
        return self._submit(Publication.ending(topics, outcome, final, private=private))

    def publish_from_thread(
        self,
        topics: str | Iterable[str],
        data: object,
        *,
        event: str | None = None,
        id: str | None = None,
        retry: int | None = None,
        private: bool = False,
    ) -> Future[Receipt]:
        """
        Do what `publish` does, in any thread.

        Events of one thread are sent in the order of the calls.

        Returns:
            A future of the receipt.  Wait for its ``result()`` in any thread but
            the reactor's, and only while the reactor runs.

        Raises:
            InvalidTopic, InvalidEvent: The event cannot be sent.
        """
        publication = self._publication(
            topics, data, event=event, id=id, retry=retry, private=private
        )
        future: Future[Receipt] = Future()
        threads_of(self.clock).callFromThread(self._publish_for, publication, future)
        return future

    def batch(self) -> AbstractContextManager[None]:
        """
        Publish everything inside ``with hub.batch():`` together: all or none.

        The events are handed to history when the block ends, and nothing is
        published between them.  If the block raises, nothing is published.  A
        batch inside another becomes part of it.  In a coroutine the block may wait
        for something, but not for what `publish` returns: that has no result
        before the block has ended, and is cancelled if the block raises.
        """
        return collect(self, self.broker.submit)

    def _submit(self, publication: Publication) -> Deferred[Receipt]:
        batch = batch_of(self)
        if batch is not None:
            return batch.add(publication)
        return self.broker.submit((publication,)).addCallback(_first_receipt)

    def _publish_for(self, publication: Publication, future: Future[Receipt]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        done = self.broker.submit((publication,)).addCallback(_first_receipt)
        done.addCallbacks(future.set_result, lambda failure: future.set_exception(failure.value))


def _check_thread() -> None:
    # There is no such thread before a reactor runs.
    if threadable.ioThread not in (None, get_ident()):
        raise RuntimeError(
            "publish() was called outside the reactor's thread:"
            " call publish_from_thread(), which returns a concurrent.futures.Future."
        )


def _first_receipt(published: list[Published]) -> Receipt:
    ((record, subscribers),) = published
    return Receipt(record.id, subscribers)
