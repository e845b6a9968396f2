"""
Publications as entries of a stream, and explanations of Redis' errors.
"""

import json
from collections.abc import Sequence

from OpenSSL import SSL
from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Record
from twisted_sse.history.redis.entry import RedisEntry, as_entry_id, encode_entry, parse_entry
from twisted_sse.history.redis.errors import is_passing, reason_of, sentence_of

__all__ = ["EntryIDTests", "EntryTests", "ErrorTests"]


def raw(*texts: str) -> tuple[bytes, Sequence[bytes]]:
    """
    Make the entry 5-1, as Redis sends it.
    """
    return b"5-1", [text.encode() for text in texts]


class EntryTests(SynchronousTestCase):
    """
    Entries, written and read.
    """

    PUBLICATIONS = [
        Publication(("a",), ServerSentEvent("x")),
        Publication(("a", "data", "é"), ServerSentEvent("")),
        Publication(("a",), ServerSentEvent("a\nb\0\u2028\U0001f600"), private=True),
        Publication(("a",), ServerSentEvent(None, comment="")),
        Publication(("a",), ServerSentEvent("n", event="id", id="n", retry=0, comment="b")),
        Publication(("a",), ServerSentEvent("x", id="n"), True, "cancelled", owner="me"),
    ]

    def test_round_trip(self) -> None:
        """
        A publication is read as it was written.
        """
        for one in self.PUBLICATIONS:
            with self.subTest(publication=one):
                own, owner, *fields = json.loads(encode_entry(one))
                self.assertEqual(owner, one.owner or "")
                given = ["id", own] if own else []
                entry = parse_entry(raw("n", "7", "b", "99", *fields, *given))
                self.assertEqual(entry, RedisEntry("5-1", 7, Record(7, own or "5-1", one), ends=99))

    def test_beginning(self) -> None:
        """
        The entry with the number 0 begins the order.
        """
        entry = parse_entry(raw("n", "0", "b", "0"))

        assert entry is not None
        self.assertEqual(entry, RedisEntry("5-1", 0, None))
        self.assertEqual(entry.position, Position(0, "5-1"))
        self.assertTrue(entry.stands_at(Position(0, "5-1")))

    def test_stands_at(self) -> None:
        """
        An entry is known by its own ID and by its publisher's.
        """
        entry = parse_entry(raw("n", "7", "b", "99", "topic", "a", "data", "x", "id", "mine"))

        assert entry is not None
        for event_id in ("5-1", "mine"):
            self.assertTrue(entry.stands_at(Position(7, event_id)))
            self.assertFalse(entry.stands_at(Position(8, event_id)))
        self.assertFalse(entry.stands_at(Position(7, "5-2")))

    def test_foreign(self) -> None:
        """
        An entry without a number has no place in the order.
        """
        cases = [
            raw(),
            raw("foo", "bar"),
            raw("n", "x", "b", "0", "topic", "a", "data", "x"),
            raw("n", "9" * 400, "b", "0", "topic", "a", "data", "x"),
            raw("n", "-1", "b", "0", "topic", "a", "data", "x"),
            raw("n", "1", "b", "", "topic", "a", "data", "x"),
            raw("n", "\u0661", "b", "0", "topic", "a", "data", "x"),
            raw("n", "1", "topic", "a", "data", "x"),
            raw("n", "1", "b"),
        ]
        for case in cases:
            with self.subTest(case=case):
                self.assertIsNone(parse_entry(case))

    def test_damaged(self) -> None:
        """
        An entry that is no publication keeps its place, and says what is wrong.
        """
        cases = [
            raw("n", "1", "b", "0", "data", "x"),
            raw("n", "1", "b", "0", "topic", "a"),
            raw("n", "1", "b", "0", "topic", "a", "data"),
            raw("n", "1", "b", "0", "topic", "a", "data", "x", "retry", "soon"),
            raw("n", "1", "b", "0", "topic", "a", "data", "x", "event", "a\nb"),
            (b"5-1", [b"n", b"1", b"b", b"0", b"topic", b"a", b"data", b"\xff"]),
        ]
        for case in cases:
            with self.subTest(case=case):
                entry = parse_entry(case)
                assert entry is not None
                self.assertEqual(entry[:3], ("5-1", 1, None))
                self.assertNotEqual(entry.damage, "")


class EntryIDTests(SynchronousTestCase):
    """
    The IDs of entries.
    """

    def test_entry_ids(self) -> None:
        """
        IDs are accepted as Redis writes them.
        """
        for event_id in ("0-0", "1-0", "1795264941994-12", f"{2**64 - 1}-{2**64 - 1}"):
            with self.subTest(event_id=event_id):
                self.assertEqual(as_entry_id(event_id), event_id)

    def test_others(self) -> None:
        """
        Other spellings are refused: Redis would accept some, and fail on others.
        """
        cases = ["", "-", "+", "$", "*", "5", "5-", "-5", "05-1", "5-01", "5-1\n", " 5-1", "5-+1"]
        cases += ["(5-1", "5-1-1", "5-*", "\u0665-1", f"{2**64}-0", f"0-{2**64}", "9" * 5000 + "-1"]
        for event_id in cases:
            with self.subTest(event_id=event_id[:40]):
                self.assertEqual(as_entry_id(event_id), "")


class ErrorTests(SynchronousTestCase):
    """
    Explanations of errors.
    """

    SENTENCES = [
        ("WRONGPASS invalid username-password pair or user is disabled.", "password"),
        ("NOAUTH Authentication required.", "password"),
        ("AUTH <password> called without any password configured", "password"),
        ("unknown command 'AUTH', with args beginning with: 'secret'", "password"),
        ("NOPERM this user has no permissions to run the 'xadd' command", "+@stream"),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", "prefix"),
        ("user_script:9: NOTOURS the stream", "prefix"),
        ("OOM command not allowed when used memory > 'maxmemory'.", "maxmemory"),
        ("READONLY You can't write against a read only replica.", "primary"),
        ("LOADING Redis is loading the dataset in memory", "loading"),
        ("unknown command 'XADD'", "Redis 5"),
        ("Error running script: Unknown Redis command called from Lua script", "Redis 5"),
        ("max number of clients reached", "maxclients"),
        ("DB index is out of range", "database"),
        ("MISCONF stop script: abc, on @user_script:1.", "it answers: MISCONF stop"),
    ]

    def test_sentences(self) -> None:
        """
        The explanation says what to do, without quoting the command.
        """
        for message, words in self.SENTENCES:
            with self.subTest(message=message):
                self.assertIn(words, sentence_of(message))
                self.assertNotIn("secret", sentence_of(message))

    def test_passing(self) -> None:
        """
        The errors of a replica and of a loading Redis may pass; a full memory does not.
        """
        passing = [message for message, _ in self.SENTENCES if is_passing(message)]

        self.assertEqual([one.split()[0] for one in passing], ["NOAUTH", "READONLY", "LOADING"])

    def test_reasons(self) -> None:
        """
        The reason of a lost connection is the detail that matters.
        """
        verify = SSL.Error([("SSL routines", "", "certificate verify failed")])

        self.assertEqual(reason_of(verify), "TLS fails: certificate verify failed")
        self.assertEqual(reason_of(SSL.Error()), "TLS fails: the connection ended")
        self.assertIn("refused", reason_of(ConnectionRefusedError()))
        self.assertEqual(reason_of(HistoryUnavailable("it is so.")), "it is so")
        self.assertEqual(reason_of(KeyError()), "KeyError")
