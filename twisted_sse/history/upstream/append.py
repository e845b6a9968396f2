"""
Sends upstream what is published at an edge, so that it is kept exactly once.

A request is made once.  If it is not answered, the edge asks upstream whether it
knows the events, by their IDs: each has one of its publisher or of the edge.
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
from twisted_sse.history.upstream.edgeids import EdgeIDs, is_edge_id
from twisted_sse.history.upstream.hubclient import HubClient

__all__ = ["Appender"]

# The largest request, in bytes: a little less than a hub accepts by default.
_REQUEST_BYTES = 1_000_000

# The pause before upstream is asked about a request without an answer, in seconds:
# the request may still be arriving.
_SETTLE = 0.5


class Appender:
    """
    Args:
        timeout: How long to go on asking for the outcome of a request, in
            seconds.
    """

    def __init__(self, client: HubClient, timeout: float, clock: IReactorTime) -> None:
        self._client = client
        self._timeout = timeout
        self._clock = clock
        self._edge_ids = EdgeIDs()

    async def append(self, publications: Sequence[Publication]) -> list[Record]:
        """
        See `IHistoryProvider.append`.

        All or none of the publications of each request are kept.
        """
        sent = self._edge_ids.assign(publications)
        positions: list[Sequence[Position]] = []
        for part in _parts(sent):
            try:
                positions.append(await self._send(part))
            except HistoryUnavailable as error:
                if positions and not isinstance(error, PerhapsKept):
                    raise PerhapsKept(f"A part of the batch was kept. {error}") from error
                raise
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
            return await self._client.publish(body, len(part))
        except NotSent as error:
            raise HistoryUnavailable(f"The upstream hub: {error}") from error
        except UnexpectedStatus as error:
            refused = HistoryUnavailable(f"The upstream hub: {error}")
            if error.status < 500:
                raise refused from error
            # The answer may be a proxy's, or that of an edge that does not know
            # the outcome.
            if error.status != 503:
                await deferLater(self._clock, _SETTLE)
            return await self._find_out(ids, refused)
        except (OutcomeUnknown, UnexpectedContentType):
            await deferLater(self._clock, _SETTLE)
            lost = HistoryUnavailable(
                "The upstream hub has not answered, and does not know the publications."
            )
            return await self._find_out(ids, lost)

    async def _find_out(
        self, ids: Sequence[str], otherwise: HistoryUnavailable
    ) -> Sequence[Position]:
        """
        Ask until upstream, or a proxy before it, has an answer.

        Raises:
            HistoryUnavailable: *otherwise* if nothing was kept; another one if that
                is not known.
        """
        deadline = self._clock.seconds() + self._timeout
        while True:
            try:
                return await self._find_if_kept(ids, otherwise)
            except HistoryUnavailable as error:
                if error is otherwise:
                    raise
                if self._clock.seconds() >= deadline:
                    raise PerhapsKept(
                        f"The upstream hub at {self._client.url} has not answered;"
                        " the publications may have been kept."
                    ) from error
            await deferLater(self._clock, _SETTLE)

    async def _find_if_kept(
        self, ids: Sequence[str], otherwise: HistoryUnavailable
    ) -> Sequence[Position]:
        """
        Return the positions of the events of one request, or raise *otherwise*.
        """
        # A publisher may have used its ID before.
        first = next((one for one in ids if is_edge_id(one)), ids[0])
        try:
            await self._client.locate_kept(first)
        except UnknownEventID:
            raise otherwise from None
        return [await self._client.locate(one) for one in ids]


def _parts(publications: Sequence[Publication]) -> Iterator[list[tuple[Publication, bytes]]]:
    """
    Split a batch into requests that upstream accepts.
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
