"""
The event IDs that edges assign.

An edge assigns an ID to every publication before it sends it upstream, so that it
can find out whether upstream has kept it if no answer comes.  Upstream treats it
as a publisher's ID; edges recognize it by its form.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace

from twisted_sse.events.publication import Publication, Record

__all__ = ["EdgeIDs", "is_edge_id", "without_edge_id"]

_EDGE_ID = re.compile("edge-[0-9a-f]{16}-[0-9]{1,19}")


class EdgeIDs:
    """
    Assigns IDs that are unique over all edges, and all lives of each.
    """

    def __init__(self) -> None:
        self._epoch = secrets.token_hex(8)
        self._made = 0

    def assign(self, publications: Sequence[Publication]) -> list[Publication]:
        """
        Assign an ID to each publication without one.
        """
        return [one if one.event.id else self._assign(one) for one in publications]

    def _assign(self, publication: Publication) -> Publication:
        self._made += 1
        event = replace(publication.event, id=f"edge-{self._epoch}-{self._made}")
        return replace(publication, event=event)


def is_edge_id(event_id: str | None) -> bool:
    """
    Whether an edge has assigned *event_id*.
    """
    return event_id is not None and _EDGE_ID.fullmatch(event_id) is not None


def without_edge_id(record: Record) -> Record:
    """
    Restore the publication of *record* as the edge received it.

    The record keeps its ID.
    """
    publication = record.publication
    if not is_edge_id(publication.event.id):
        return record
    event = replace(publication.event, id=None)
    return record._replace(publication=replace(publication, event=event))
