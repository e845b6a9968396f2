"""
What may become of a publication that is kept.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.testing.wrong import Wrong, breaks
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record, Tail

__all__: list[str] = []


class _Changed(Wrong):
    """
    Does not find what it was given.
    """

    def changed(self, publication: Publication) -> Publication:
        """
        What has become of *publication*.
        """
        raise NotImplementedError

    def since(self, *arguments: Any) -> Any:
        return self._change(super().since(*arguments))

    def tail(self, limit: int) -> Tail:
        before, kept = super().tail(limit)
        return Tail(before, self._change(kept))

    def _change(self, kept: Sequence[Record]) -> list[Record]:
        return [one._replace(publication=self.changed(one.publication)) for one in kept]


@breaks("test_publishers_ids", "test_publications")
class _NormalIDs(_Changed):
    """
    Normalizes IDs.
    """

    def changed(self, publication: Publication) -> Publication:
        event_id = unicodedata.normalize("NFKC", publication.event.id or "") or None
        data = publication.event.data
        event = ServerSentEvent(data, id=event_id) if data else publication.event
        return replace(publication, event=event)

    def _change(self, kept: Sequence[Record]) -> list[Record]:
        changed = super()._change(kept)
        return [one._replace(id=one.publication.event.id or one.id) for one in changed]


class _OtherData(_Changed):
    """
    Changes the data of an event.
    """

    def data(self, data: str) -> str | None:
        """
        What becomes of *data*.
        """
        raise NotImplementedError

    def changed(self, publication: Publication) -> Publication:
        event = publication.event
        if event.data is None:
            return publication
        data = self.data(event.data)
        if data is None and event == ServerSentEvent(event.data):
            return replace(publication, event=ServerSentEvent(comment="nothing"))
        return replace(publication, event=replace(event, data=data))


@breaks("test_publications")
class _EmptyIsNone(_OtherData):
    """
    Takes empty data for none.
    """

    def data(self, data: str) -> str | None:
        return data or None


@breaks("test_publications")
class _Stripped(_OtherData):
    """
    Strips white space.
    """

    def data(self, data: str) -> str | None:
        return data.strip()


@breaks("test_publications")
class _Resplit(_OtherData):
    """
    Splits lines where Python does.
    """

    def data(self, data: str) -> str | None:
        return "\n".join(data.splitlines()) if data.splitlines() else data


@breaks("test_publications")
class _BasicPlane(_OtherData):
    """
    Keeps nothing beyond the basic multilingual plane.
    """

    def data(self, data: str) -> str | None:
        return "".join(one if one < "\U00010000" else "?" for one in data)


@breaks("test_publications")
class _CString(_OtherData):
    """
    Ends data at its first NUL.
    """

    def data(self, data: str) -> str | None:
        return data.partition("\0")[0]


@breaks("test_publications")
class _Number(_OtherData):
    """
    Makes numbers of digits.
    """

    def data(self, data: str) -> str | None:
        return str(int(data)) if data.isdecimal() else data


@breaks("test_publications", "test_large_publications")
class _Short(_OtherData):
    """
    Keeps no more than a column of 32,767 bytes takes.
    """

    def data(self, data: str) -> str | None:
        return data.encode()[:32_767].decode(errors="ignore")


@breaks("test_publications")
class _Public(_Changed):
    """
    Forgets what is private.
    """

    def changed(self, publication: Publication) -> Publication:
        return replace(publication, private=False)


@breaks("test_publications", "test_next_life")
class _OneTopic(_Changed):
    """
    Keeps the canonical topic only.
    """

    def changed(self, publication: Publication) -> Publication:
        return replace(publication, topics=publication.topics[:1])


@breaks("test_publications")
class _SortedTopics(_Changed):
    """
    Sorts the topics, so that another is the canonical one.
    """

    def changed(self, publication: Publication) -> Publication:
        return replace(publication, topics=tuple(sorted(publication.topics)))


@breaks("test_publications")
class _WithoutRetry(_Changed):
    """
    Takes a reconnection time of 0 for none.
    """

    def changed(self, publication: Publication) -> Publication:
        event = publication.event
        if event.retry == 0:
            return replace(publication, event=ServerSentEvent(comment="nothing"))
        return publication


@breaks("test_publications")
class _WithoutType(_Changed):
    """
    Forgets the event type.
    """

    def changed(self, publication: Publication) -> Publication:
        event = publication.event
        if event.data is None:
            return publication
        return replace(publication, event=replace(event, event=None))


@breaks("test_publications")
class _WithoutComment(_Changed):
    """
    Forgets comments.
    """

    def changed(self, publication: Publication) -> Publication:
        event = publication.event
        if event.data is None:
            return publication
        return replace(publication, event=replace(event, comment=None))
