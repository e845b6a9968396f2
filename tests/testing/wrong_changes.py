"""
Providers that change publications.
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
    Returns other publications than it was given.
    """

    def changed(self, publication: Publication) -> Publication:
        """
        Return the changed *publication*.
        """
        raise NotImplementedError

    def since(self, *arguments: Any) -> Any:
        return self._change(super().since(*arguments))

    def tail(self, limit: int) -> Tail:
        before, records = super().tail(limit)
        return Tail(before, self._change(records))

    def _change(self, records: Sequence[Record]) -> list[Record]:
        return [record._replace(publication=self.changed(record.publication)) for record in records]


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

    def _change(self, records: Sequence[Record]) -> list[Record]:
        changed = super()._change(records)
        return [record._replace(id=record.publication.event.id or record.id) for record in changed]


class _OtherData(_Changed):
    """
    Changes the data of an event.
    """

    def data(self, data: str) -> str | None:
        """
        Return the changed *data*.
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
    Confuses empty data with no data.
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
    Splits lines as `str.splitlines` does.
    """

    def data(self, data: str) -> str | None:
        return "\n".join(data.splitlines()) if data.splitlines() else data


@breaks("test_publications")
class _BasicPlane(_OtherData):
    """
    Replaces characters beyond the basic multilingual plane.
    """

    def data(self, data: str) -> str | None:
        return "".join(char if char < "\U00010000" else "?" for char in data)


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
    Converts digits to numbers.
    """

    def data(self, data: str) -> str | None:
        return str(int(data)) if data.isdecimal() else data


@breaks("test_publications", "test_large_publications")
class _Short(_OtherData):
    """
    Truncates data to a column of 32,767 bytes.
    """

    def data(self, data: str) -> str | None:
        return data.encode()[:32_767].decode(errors="ignore")


@breaks("test_publications")
class _Public(_Changed):
    """
    Makes private publications public.
    """

    def changed(self, publication: Publication) -> Publication:
        return replace(publication, private=False)


@breaks("test_publications", "test_reopened")
class _OneTopic(_Changed):
    """
    Keeps only the canonical topic.
    """

    def changed(self, publication: Publication) -> Publication:
        return replace(publication, topics=publication.topics[:1])


@breaks("test_publications")
class _SortedTopics(_Changed):
    """
    Sorts the topics, so that another one becomes canonical.
    """

    def changed(self, publication: Publication) -> Publication:
        return replace(publication, topics=tuple(sorted(publication.topics)))


@breaks("test_publications")
class _WithoutRetry(_Changed):
    """
    Confuses a reconnection time of 0 with none.
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
