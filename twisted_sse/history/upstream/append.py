"""
Has upstream keep what is published at an edge: once, whatever becomes of answers.

A request is made once.  If it is not answered, upstream is asked whether it knows
the events: they have IDs, of their publishers' making or of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_sse.errors import (
    HistoryUnavailable,
    NotSent,
    OutcomeUnknown,
    PerhapsKept,
    UnexpectedContentType,
    UnexpectedStatus,
    UnknownEventID,
)
from twisted_sse.events.publication import Position, Publication, Record
from twisted_sse.events.replication import encode_publication
from twisted_sse.history.upstream.edgeids import EdgeIDs, is_ours
from twisted_sse.history.upstream.hubclient import HubClient

__all__ = ["Appending"]

# What is sent in one request, in bytes: a little less than a hub takes by default.
_REQUEST_BYTES = 1_000_000

# What was not answered may still be on its way in: how long upstream is given
# until it is asked, in seconds.
_SETTLE = 0.5


class Appending:
    """
    Args:
        timeout: How long upstream may be away before nobody knows what became
            of what it was sent, in seconds.
    """

    def __init__(self, door: HubClient, timeout: float, clock: IReactorTime) -> None:
        self._door = door
        self._timeout = timeout
        self._clock = clock
        self._names = EdgeIDs()

    async def append(self, publications: Sequence[Publication]) -> list[Record]:
        """
        See `IHistoryProvider.append`.

        All or none of what fits into one request is kept.
        """
        sent = self._names.give(publications)
        positions = [await self._send(part) for part in _parts(sent)]
        return [
            Record(position.number, position.id, publication)
            for position, publication in zip(
                chain.from_iterable(positions), publications, strict=True
            )
        ]

    async def _send(self, part: list[tuple[Publication, bytes]]) -> Sequence[Position]:
        body = b"".join([encoded for _, encoded in part])
        ids = [publication.event.id or "" for publication, _ in part]
        try:
            return await self._door.publish(body, len(part))
        except NotSent as error:
            raise HistoryUnavailable(f"The upstream hub: {error}") from error
        except UnexpectedStatus as error:
            refused = HistoryUnavailable(f"The upstream hub: {error}")
            if error.status < 500:
                raise refused from error
            # Somebody between here and there may have said so, or an edge that
            # does not know itself.
            return await self._find_if_kept(ids, refused)
        except (OutcomeUnknown, UnexpectedContentType):
            await deferLater(self._clock, _SETTLE)
            return await self._find_out(ids)

    async def _find_out(self, ids: Sequence[str]) -> Sequence[Position]:
        deadline = self._clock.seconds() + self._timeout
        lost = HistoryUnavailable("The upstream hub has not answered, and does not know this.")
        while True:
            try:
                return await self._find_if_kept(ids, lost)
            except HistoryUnavailable as error:
                if error is lost:
                    raise
                if self._clock.seconds() >= deadline:
                    raise PerhapsKept(
                        f"The upstream hub at {self._door.url} has not answered; this may have"
                        " been kept nevertheless."
                    ) from error
            await deferLater(self._clock, _SETTLE)

    async def _find_if_kept(
        self, ids: Sequence[str], otherwise: HistoryUnavailable
    ) -> Sequence[Position]:
        """
        Where the events stand that were sent in one request.
        """
        # An ID of a publisher's may have been used before.
        first = next((one for one in ids if is_ours(one)), ids[0])
        try:
            await self._door.locate_kept(first)
        except UnknownEventID:
            raise otherwise from None
        return [await self._door.locate(one) for one in ids]


def _parts(publications: Sequence[Publication]) -> Iterator[list[tuple[Publication, bytes]]]:
    """
    Cut a batch into requests that upstream takes.
    """
    part: list[tuple[Publication, bytes]] = []
    size = 0
    for publication in publications:
        encoded = encode_publication(publication)
        if part and size + len(encoded) > _REQUEST_BYTES:
            yield part
            part, size = [], 0
        part.append((publication, encoded))
        size += len(encoded)
    if part:
        yield part
