"""
The rules of `since`: what follows an event, page by page and topic by topic.
"""

from __future__ import annotations

from twisted_sse.events.publication import Record
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.testing.contract.case import ALL, MANY, ContractCase, publication
from twisted_sse.testing.contract.samples import PUBLISHERS_IDS
from twisted_sse.topics import Selection, Selector, URLPattern

__all__ = ["SinceRules"]

# Selectors, and which of the publications of `_on_topics` they match.
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
    Those that follow *last_event_id* and match *topics*, oldest first, the first
    *limit* of them.
    """

    async def test_following(self) -> None:
        """
        Everything that follows an event is found, oldest first, as `append` has
        answered it.
        """
        history = await self.started()
        kept = [one for batch in ("a", "bcd", "e") for one in await self.append(history, *batch)]

        for place, one in enumerate(kept):
            found = await self.since(history, one.id)
            self.same(f"since({one.id!r}) has found", found, kept[place + 1 :])

    async def test_from_oldest(self) -> None:
        """
        ``None`` asks for everything from the oldest that is kept.
        """
        history = await self.started()
        self.same("since(None) has found", await self.since(history, None), [])
        kept = await self.append(history, *"abc")

        self.same("since(None) has found", await self.since(history, None), kept)

    async def test_from_newest(self) -> None:
        """
        Nothing follows the newest; it is known, and the answer is empty.
        """
        history = await self.started()
        kept = await self.append(history, *"abc")

        self.same("since() has found", await self.since(history, kept[-1].id), [])

    async def test_limit(self) -> None:
        """
        At most *limit* are found: the oldest of those that are wanted.
        """
        history = await self.started()
        kept = await self.append(history, *"abcdefg")

        for limit in (1, 2, 6, 7, 8):
            found = await self.since(history, None, limit)
            self.same(f"since(limit={limit}) has found", found, kept[:limit])
            found = await self.since(history, kept[1].id, limit)
            self.same(f"since(limit={limit}) has found", found, kept[2 : 2 + limit])

    async def test_limit_counts_matching(self) -> None:
        """
        Only what matches *topics* counts for *limit*: fewer than *limit* means
        that there is no more.
        """
        history = await self.started()
        kept = await self._on_topics(history, 40)
        wanted = [kept[10 * ten + one] for ten in range(40) for one in (1, 3, 5)]

        for limit in (1, 3, 100, 119, 120, 121):
            found = await self.since(history, None, limit, Selection.of(["b"]))
            self.same(f"since(limit={limit}) has found", found, wanted[:limit])

    async def test_pages(self) -> None:
        """
        Whoever asks page by page finds everything once.
        """
        history = await self.started()
        kept = await self._on_topics(history, 60)

        for selectors, places in (["*"], range(10)), (["a"], [0, 3, 4, 9]):
            wanted = [kept[10 * ten + one] for ten in range(60) for one in places]
            found = await self._pages(history, Selection.of(selectors), 37)
            self.same(f"{selectors} page by page has found", found, wanted)

    async def test_topics(self) -> None:
        """
        Found is what any of the selectors matches in any of its topics, once.
        """
        history = await self.started()
        kept = await self._on_topics(history, 1)

        for selectors, places in _SELECTIONS:
            found = await self.since(history, None, topics=Selection.of(selectors))
            self.same(f"{selectors} has found", found, [kept[place] for place in places])
            found = await self.since(history, kept[2].id, topics=Selection.of(selectors))
            later = [kept[place] for place in places if place > 2]
            self.same(f"{selectors} has found", found, later)

    async def test_other_topics_event(self) -> None:
        """
        The last event ID may be that of a publication that is not wanted now.
        """
        history = await self.started()
        batch = [publication("a", "a"), publication("b", "b"), publication("c", "c")]
        kept = await self.append(history, *batch)

        found = await self.since(history, kept[0].id, topics=Selection.of(["c"]))
        self.same("since() has found", found, [kept[2]])

    async def test_publishers_ids_are_found(self) -> None:
        """
        A publisher's ID is found if it is the same text, and not if it is only
        alike, whatever it looks like.
        """
        history = await self.started()
        batch = [publication(one, id=one) for one in PUBLISHERS_IDS]
        kept = await self.append(history, *batch)

        for place, event_id in enumerate(PUBLISHERS_IDS):
            found = await self.since(history, event_id)
            self.same(f"since({event_id[:20]!r}) has found", found, kept[place + 1 :])

    async def test_same_id(self) -> None:
        """
        If several publications have the same ID, the oldest of them counts.
        """
        history = await self.started()
        ids = ["one", "two", "one", "three", "two"]
        kept = await self.append(history, *(publication(str(id), id=id) for id in ids))
        kept += await self.append(history, publication("again", id="one"))

        for place, event_id in enumerate(["one", "two"]):
            found = await self.since(history, event_id)
            self.same(f"since({event_id!r}) has found", found, kept[place + 1 :])

    async def test_many_questions(self) -> None:
        """
        `since` may be called at any time, also while others wait for an answer.
        """
        history = await self.started()
        kept = await self.append(history, *map(str, range(50)))
        asking = [self.begin(history.since, one.id, ALL, MANY) for one in kept]

        for place, found in enumerate(await self.answers(asking)):
            self.same("one of many questions has found", list(found), kept[place + 1 :])

    async def _on_topics(self, history: IHistoryProvider, times: int) -> list[Record]:
        batch = [publication(str(place), *topics) for place, topics in enumerate(_TOPICS)]
        return await self.append(history, *batch * times)

    async def _pages(
        self, history: IHistoryProvider, topics: Selection, limit: int
    ) -> list[Record]:
        found = page = await self.since(history, None, limit, topics)
        while len(page) == limit and len(found) < 1000:
            page = await self.since(history, page[-1].id, limit, topics)
            found = [*found, *page]
        return found
