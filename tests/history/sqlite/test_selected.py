"""
Finding the publications of a selection: both ways agree with matching all of them.
"""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.history.sqlite.test_store import StoreTestCase
from tests.support.sqlite_histories import data_of, publication, query
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history.sqlite.reader import Reader
from twisted_sse.history.sqlite.store import Store
from twisted_sse.history.sqlite.trim import Bounds
from twisted_sse.topics import Selection, URLPattern

__all__ = ["AgreementTests", "NumberTests"]

# More publications than are matched without the index.
_ENOUGH = 1100

_TOPICS = [
    "a/1",
    "a/2",
    "a/\ud7ff",
    "a\ud7ff/x",
    "a\ue000",
    "a\U0010ffff",
    "b/1",
    "b",
    "é/1",
    "{+a}b",
]
_SELECTORS = [
    "a/{x}",
    "a{+x}",
    "a\ud7ff{+x}",
    "{+x}1",
    "a\U0010ffff{x}",
    "b",
    "é{/x}",
    "c/{x}",
    "{+a}b",
]


class AgreementTests(StoreTestCase):
    """
    What is found is what a comparison of everything finds.
    """

    def setUp(self) -> None:
        """
        Fill a file with publications of one or two topics each.
        """
        super().setUp()
        self.store, self.reader = self.open()
        pairs = [(one, other) for one in _TOPICS for other in _TOPICS]
        topics = [tuple(dict.fromkeys(pair)) for pair in pairs]
        self.records = self.store.append(
            [
                Publication(topics[number % len(topics)], ServerSentEvent(str(number)))
                for number in range(_ENOUGH)
            ],
            self.now,
        )

    def test_selections(self) -> None:
        """
        Templates, names and URL patterns find what they match, page by page.
        """

        @settings(max_examples=40, deadline=None)
        @given(
            st.lists(st.sampled_from(_SELECTORS), min_size=1, max_size=3, unique=True),
            st.sampled_from([1, 7, 300, 5000]),
            st.sampled_from([0, 3, _ENOUGH - 1030]),
        )
        def check(texts: list[str], limit: int, first: int) -> None:
            selection = Selection.of(texts)
            expected = [
                one
                for one in self.records[first + 1 :]
                if selection.matches(one.publication.topics)
            ]
            found = self.reader.since(self.records[first].id, selection, limit, self.now)
            self.assertEqual(data_of(found), data_of(expected[:limit]))

        check()

    def test_url_patterns(self) -> None:
        """
        A URL pattern finds topics that begin otherwise than its text.
        """
        self.store.append([publication("x", "HTTPS://Example.com/a/7")], self.now)
        selection = Selection.of([URLPattern("https://example.com/a/:id")])

        found = self.reader.since(None, selection, 10, self.now)

        self.assertEqual(data_of(found), ["x"])

    def test_damaged_number(self) -> None:
        """
        A publication that is passed over does not count among those that are found.
        """
        selection = Selection.of(["a/{x}"])
        before = self.reader.since(None, selection, 3, self.now)
        query(self.path, f"UPDATE events SET data = x'00' WHERE number = {before[0].number}")

        found = self.reader.since(None, selection, 2, self.now)

        self.assertEqual(data_of(found), data_of(before[1:]))


class NumberTests(StoreTestCase):
    """
    The topics that a selection matches are remembered from one call to the next.
    """

    def keep(self, store: Store, topics: Sequence[str]) -> list[Record]:
        """
        Append a publication to each of *topics*.
        """
        return store.append([publication(topic, topic) for topic in topics], self.now)

    def find(self, reader: Reader, *selectors: str) -> list[str | None]:
        """
        Return the data of what *selectors* select.
        """
        return data_of(reader.since(None, Selection.of(selectors), 5000, self.now))

    def test_new_topics(self) -> None:
        """
        A topic that is new since the last call is found.
        """
        store, reader = self.open()
        self.keep(store, ["a/1", *["b"] * _ENOUGH])
        before = self.find(reader, "{+x}/{y}")
        self.keep(store, ["a/2", "c/1"])

        self.assertEqual(before, ["a/1"])
        self.assertEqual(self.find(reader, "{+x}/{y}"), ["a/1", "a/2", "c/1"])
        self.assertEqual(self.find(reader, "a/{y}"), ["a/1", "a/2"])

    def test_numbers_are_used_once(self) -> None:
        """
        The number of a topic that was forgotten is not that of another one.
        """
        store, reader = self.open(Bounds(_ENOUGH + 100, 1 << 40, 1e9))
        self.keep(store, ["b", "a/1"])
        self.keep(store, ["b"] * _ENOUGH)
        before = self.find(reader, "a/{y}")
        self.keep(store, ["b"] * 200)
        store.trim(self.now)
        gone = query(self.path, "SELECT count(*) FROM topics WHERE name = 'a/1'")
        self.keep(store, ["c/1", "b", "a/2"])

        self.assertEqual((before, gone), (["a/1"], [(0,)]))
        self.assertEqual(self.find(reader, "a/{y}"), ["a/2"])
        self.assertEqual(self.find(reader, "c/{y}"), ["c/1"])

    def test_many_topics(self) -> None:
        """
        A pattern that matches very many topics finds the publications of all.
        """
        store, reader = self.open()
        topics = [f"a/{number}" for number in range(1500)]
        self.keep(store, topics)
        first = self.find(reader, "a/{y}")
        self.keep(store, ["a/x"])

        self.assertEqual(first, topics)
        self.assertEqual(self.find(reader, "a/{y}"), [*topics, "a/x"])

    def test_opened_again(self) -> None:
        """
        A file that was opened again is looked at again.
        """
        store, reader = self.open()
        self.keep(store, ["a/1", *["b"] * _ENOUGH])
        self.find(reader, "a/{y}")
        store.close()
        store.open(self.now)
        self.keep(store, ["a/2"])

        self.assertEqual(self.find(reader, "a/{y}"), ["a/1", "a/2"])
