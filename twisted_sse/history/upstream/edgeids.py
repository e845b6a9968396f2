"""
The event IDs that edges make.

An edge gives every publication an ID before it sends it upstream: if no answer
comes, it can find out by that ID whether it was kept.  Upstream takes it for the
publisher's own; edges know better.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace

from twisted_sse.events.publication import Publication, Record

__all__ = ["EdgeIDs", "is_ours", "unnamed"]

_OURS = re.compile("edge-[0-9a-f]{16}-[0-9]{1,19}")


class EdgeIDs:
    """
    Makes IDs that no other edge makes, and no other life of this one.
    """

    def __init__(self) -> None:
        self._epoch = secrets.token_hex(8)
        self._made = 0

    def give(self, publications: Sequence[Publication]) -> list[Publication]:
        """
        Give an ID to all that have none.
        """
        return [one if one.event.id else self._give(one) for one in publications]

    def _give(self, publication: Publication) -> Publication:
        self._made += 1
        event = replace(publication.event, id=f"edge-{self._epoch}-{self._made}")
        return replace(publication, event=event)


def is_ours(event_id: str | None) -> bool:
    """
    Whether an edge has made *event_id*.
    """
    return event_id is not None and _OURS.fullmatch(event_id) is not None


def unnamed(kept: Record) -> Record:
    """
    What upstream has kept, as it was handed to the edge that has sent it.
    """
    publication = kept.publication
    if not is_ours(publication.event.id):
        return kept
    event = replace(publication.event, id=None)
    return kept._replace(publication=replace(publication, event=event))
