"""
The rules of `since`: what follows an event, in pages and by topics.
"""

from __future__ import annotations

from twisted_sse.events.publication import Record
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.testing.contract.case import ALL, MANY, ContractCase, publication
from twisted_sse.testing.contract.samples import PUBLISHERS_IDS
from twisted_sse.topics import Selection, Selector, URLPattern

__all__ = ["SinceRules"]

# Selectors, and the indexes of the publications of `_on_topics` that they match.
_SELECTIONS: list[tuple[list[str | Selector], list[int]]] = [
    (["a"], [0, 3, 4, 9]),
    (["b"], [1, 3, 5]),
    (["a", "b"], [0, 1, 3, 4, 5, 9]),
    (["A"], [2]),
    (["nobody"], []),
    (["*"], list(range(10))),
    (["*", "a"], list(range(10))),
    (["https://example.com/books/{id}"], [6, 7]),
    (["https://example.com/books/{id}", "b"], [1, 3, 5, 6, 7]),
    ([URLPattern("https://example.com/books/:id/*")], [8]),
    (["%"], []),
    (["_"], []),
]

_TOPICS = [
    *[("a",), ("b",), ("A",), ("b", "a"), ("x", "y", "a"), ("b",)],
    *[("https://example.com/books/1",), ("z", "https://example.com/books/2")],
    *[("https://example.com/books/1/pages",), ("a",)],
]


class SinceRules(ContractCase):
    """
    Return publications that follow *last_event_id* and match *topics*, oldest
    first, the first *limit* of them.
    """

    async def test_following(self) -> None:
        """
        `since` returns all records that follow an event, oldest first, equal to
        those that `append` returned.
        """
        history = await self.started()
        records = [
            record for batch in ("a", "bcd", "e") for record in await self.append(history, *batch)
        ]

        for index, record in enumerate(records):
            found = await self.since(history, record.id)
            self.same(f"since({record.id!r}) returned", found, records[index + 1 :])

    async def test_from_oldest(self) -> None:
        """
        ``None`` returns everything from the oldest record.
        """
        history = await self.started()
        self.same("since(None) returned", await self.since(history, None), [])
        records = await self.append(history, *"abc")

        self.same("since(None) returned", await self.since(history, None), records)

    async def test_from_newest(self) -> None:
        """
        The ID of the newest record is known, and nothing follows it.
        """
        history = await self.started()
        records = await self.append(history, *"abc")

        self.same("since() returned", await self.since(history, records[-1].id), [])

    async def test_limit(self) -> None:
        """
        At most *limit* records are returned: the oldest that match.
        """
        history = await self.started()
        records = await self.append(history, *"abcdefg")

        for limit in (1, 2, 6, 7, 8):
            found = await self.since(history, None, limit)
            self.same(f"since(limit={limit}) returned", found, records[:limit])
            found = await self.since(history, records[1].id, limit)
            self.same(f"since(limit={limit}) returned", found, records[2 : 2 + limit])

    async def test_limit_counts_matching(self) -> None:
        """
        Only records that match *topics* count for *limit*; fewer than *limit*
        means that there are no more.
        """
        history = await self.started()
        records = await self._on_topics(history, 40)
        wanted = [records[10 * block + index] for block in range(40) for index in (1, 3, 5)]

        for limit in (1, 3, 100, 119, 120, 121):
            found = await self.since(history, None, limit, Selection.of(["b"]))
            self.same(f"since(limit={limit}) returned", found, wanted[:limit])

    async def test_pages(self) -> None:
        """
        Reading page by page returns everything once.
        """
        history = await self.started()
        records = await self._on_topics(history, 60)

        for selectors, indexes in (["*"], range(10)), (["a"], [0, 3, 4, 9]):
            wanted = [records[10 * block + index] for block in range(60) for index in indexes]
            found = await self._pages(history, Selection.of(selectors), 37)
            self.same(f"since() with the topics {selectors}, page by page, returned", found, wanted)

    async def test_topics(self) -> None:
        """
        A publication is returned once if any selector matches any of its topics.
        """
        history = await self.started()
        records = await self._on_topics(history, 1)

        for selectors, indexes in _SELECTIONS:
            found = await self.since(history, None, topics=Selection.of(selectors))
            self.same(
                f"since() with the topics {selectors} returned",
                found,
                [records[index] for index in indexes],
            )
            found = await self.since(history, records[2].id, topics=Selection.of(selectors))
            later = [records[index] for index in indexes if index > 2]
            self.same(f"since() with the topics {selectors} returned", found, later)

    async def test_other_topics_event(self) -> None:
        """
        The last event ID may be that of a publication that *topics* does not match.
        """
        history = await self.started()
        batch = [publication("a", "a"), publication("b", "b"), publication("c", "c")]
        records = await self.append(history, *batch)

        found = await self.since(history, records[0].id, topics=Selection.of(["c"]))
        self.same("since() returned", found, [records[2]])

    async def test_publishers_ids_are_found(self) -> None:
        """
        A publisher's ID is found by exactly the same text, and not by a similar
        one.
        """
        history = await self.started()
        batch = [publication(event_id, id=event_id) for event_id in PUBLISHERS_IDS]
        records = await self.append(history, *batch)

        for index, event_id in enumerate(PUBLISHERS_IDS):
            found = await self.since(history, event_id)
            self.same(f"since({event_id[:20]!r}) returned", found, records[index + 1 :])

    async def test_same_id(self) -> None:
        """
        If several publications have the same ID, the oldest counts.
        """
        history = await self.started()
        ids = ["one", "two", "one", "three", "two"]
        records = await self.append(history, *(publication(str(id), id=id) for id in ids))
        records += await self.append(history, publication("again", id="one"))

        for index, event_id in enumerate(["one", "two"]):
            found = await self.since(history, event_id)
            self.same(f"since({event_id!r}) returned", found, records[index + 1 :])

    async def test_concurrent_calls(self) -> None:
        """
        `since` may be called while other calls have not returned.
        """
        history = await self.started()
        records = await self.append(history, *map(str, range(50)))
        calls = [self.begin(history.since, record.id, ALL, MANY) for record in records]

        for index, found in enumerate(await self.answers(calls)):
            self.same(
                "one of many concurrent since() calls returned", list(found), records[index + 1 :]
            )

    async def _on_topics(self, history: IHistoryProvider, times: int) -> list[Record]:
        batch = [publication(str(index), *topics) for index, topics in enumerate(_TOPICS)]
        return await self.append(history, *batch * times)

    async def _pages(
        self, history: IHistoryProvider, topics: Selection, limit: int
    ) -> list[Record]:
        found = page = await self.since(history, None, limit, topics)
        while len(page) == limit and len(found) < 1000:
            page = await self.since(history, page[-1].id, limit, topics)
            found = [*found, *page]
        return found
