"""
What is sent to PostgreSQL and read from it, and the names of a schema.
"""

import struct

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.history.postgres.binary import (
    bools,
    bytes_array,
    ints,
    statement,
    texts,
    texts_from,
)
from twisted_sse.history.postgres.epochs import Epoch, KnownEpochs
from twisted_sse.history.postgres.errors import (
    SQLRefused,
    explain_lost,
    explain_refused,
    is_temporary,
    was_rolled_back,
)
from twisted_sse.history.postgres.schema import Schema, check_schema

__all__ = ["BinaryTests", "EpochTests", "ErrorTests", "SchemaTests"]


class BinaryTests(SynchronousTestCase):
    """
    Values in binary.
    """

    def test_texts(self) -> None:
        """
        A list of texts can be read back, whatever they are.
        """
        for given in (("a",), ("a", "", "é\0\x1f", '"{},\\'), tuple(map(str, range(100)))):
            self.assertEqual(texts_from(texts(given) or b""), given)

    def test_null(self) -> None:
        """
        A list of nothing is NULL, and one item that is None is NULL in it.
        """
        for write in (texts, bytes_array, ints):
            self.assertIsNone(write([None, None]))
        self.assertEqual(
            ints([None, 2**31 - 1]),
            struct.pack("!iiIii", 1, 1, 23, 2, 1) + b"\xff" * 4 + struct.pack("!ii", 4, 2**31 - 1),
        )
        self.assertEqual((bools([True, False]) or b"")[20:], b"\0\0\0\1\1\0\0\0\1\0")

    def test_unreadable(self) -> None:
        """
        What is no list of texts raises ValueError.
        """
        for value in (texts(["a", None]), ints([1])):
            with self.assertRaises(ValueError):
                texts_from(value or b"")

    def test_statement(self) -> None:
        """
        Arrays are sent in binary, and everything else as text.
        """
        made = statement(b"x", "é", 7, None, 1.5, texts(["a"]))

        self.assertEqual(made.values[:4], ["é".encode(), b"7", None, b"1.5"])
        self.assertEqual(made.formats, [0, 0, 0, 0, 1])


class EpochTests(SynchronousTestCase):
    """
    `KnownEpochs`.
    """

    def setUp(self) -> None:
        """
        Have two lives: 1 to 10, and from 101 on.
        """
        self.epochs = KnownEpochs()
        first = Epoch(1, "aaaaaaaa", 0, False, 0.0)
        self.epochs.update([first, Epoch(101, "bbbbbbbb", 10, True, 0.0)])

    def test_ids(self) -> None:
        """
        A number has the ID of its epoch, and so has the position before the first.
        """
        for number, event_id in (
            *((0, "aaaaaaaa-0"), (1, "aaaaaaaa-1"), (10, "aaaaaaaa-10")),
            *((100, "bbbbbbbb-100"), (101, "bbbbbbbb-101"), (900, "bbbbbbbb-900")),
        ):
            self.assertEqual(self.epochs.id_of(number), event_id)
            self.assertEqual(KnownEpochs.parse(event_id), (event_id[:8], number))

    def test_not_ids(self) -> None:
        """
        Nothing else is such an ID.
        """
        for event_id in (
            *("", "-1", "aaaaaaaa", "aaaaaaaa-", "aaaaaaaa-01", "aaaaaaaa--1", "aaaaaaaa-1 "),
            *("AAAAAAAA-1", "aaaaaaa-1", "aaaaaaaa-1\n", f"aaaaaaaa-{10**18}", "aaaaaaaa-\u0661"),
        ):
            self.assertIsNone(KnownEpochs.parse(event_id), event_id)

    def test_count(self) -> None:
        """
        Numbers that were left out between two epochs are not counted.
        """
        for after, upto, count in ((0, 105, 15), (7, 105, 8), (10, 100, 0), (102, 105, 3)):
            self.assertEqual(self.epochs.count(after, upto), count)

    def test_known(self) -> None:
        """
        The newest number that was seen is known, until the store says otherwise.
        """
        for number in (5, 103, 7):
            self.epochs.note(number)
        self.assertEqual(self.epochs.known, ("bbbbbbbb", 103))

        self.epochs.forget(9)
        self.assertEqual(self.epochs.known, ("aaaaaaaa", 9))


class ErrorTests(SynchronousTestCase):
    """
    Errors, explained.
    """

    REASONS = [
        (
            'connection to server at "127.0.0.1", port 1 failed: Connection refused\n\tIs the',
            "Connection refused",
        ),
        (
            'connection to server at "h" (10.0.0.1), port 1 failed: FATAL:  password'
            ' authentication failed for user "u"',
            "it refuses the user or the password",
        ),
        (
            'connection to server on socket "/x/.s.PGSQL.1" failed: FATAL:  database "x" does not'
            " exist",
            "it has no such database",
        ),
        (
            'connection to server at "h", port 1 failed: FATAL:  role "x" does not exist',
            'role "x" does not exist',
        ),
        (
            'connection to server at "h", port 1 failed: session is read-only',
            "it is read-only",
        ),
        (
            'connection to server at "h", port 1 failed: FATAL:  sorry, too many clients already',
            "it accepts no more connections: raise its max_connections",
        ),
        (
            'connection to server at "h", port 1 failed: FATAL:  too many connections for role "x"',
            "it accepts no more connections of this role",
        ),
        ("", "OSError"),
    ]

    def test_reasons(self) -> None:
        """
        What libpq says becomes half a sentence.
        """
        for text, reason in self.REASONS:
            self.assertTrue(
                explain_lost(OSError(text)).startswith(reason), explain_lost(OSError(text))
            )

    def test_refused(self) -> None:
        """
        A known code says what to do, and an unknown one is quoted.
        """
        for sqlstate, part in (
            ("3F000", "--install"),
            ("42501", "allow_hub"),
            ("53100", "its disk is full"),
            ("57P03", "shutting down or starting"),
            ("XX000", "it answers: what"),
        ):
            self.assertIn(part, explain_refused(SQLRefused(sqlstate, "what.")))
            self.assertEqual(
                explain_lost(SQLRefused(sqlstate, "what")),
                explain_refused(SQLRefused(sqlstate, "what")),
            )

    def test_kinds(self) -> None:
        """
        Some errors may be over on a new connection, and others at once.
        """
        passing = [
            is_temporary(SQLRefused(one, "")) for one in ("25006", "57P01", "42501", "40001")
        ]
        again = [was_rolled_back(SQLRefused(one, "")) for one in ("40001", "40P01", "57014")]

        self.assertEqual((passing, again), ([True, True, False, False], [True, True, False]))


class SchemaTests(SynchronousTestCase):
    """
    The names that belong to a schema.
    """

    def test_script(self) -> None:
        """
        The SQL has no placeholder left, and nothing of another schema.
        """
        one, other = Schema("one").script(), Schema("other").script()

        self.assertNotRegex(one, "@[a-z_]+@")
        self.assertIn('CREATE TABLE "one".event', one)
        self.assertEqual(one.count('"one"'), other.count('"other"'))
        self.assertNotIn('"other"', one)

    def test_locks(self) -> None:
        """
        Each schema has locks of its own.
        """
        text = "@append_lock@ @forget_lock@ @move_lock@"
        locks = {lock for name in ("one", "other") for lock in Schema(name).sql(text).split()}

        self.assertEqual(len(locks), 6)

    def test_names(self) -> None:
        """
        A name that would need quotes is refused.
        """
        for name in ("", "A", "a-b", "1a", "a" * 52, "pg_x", "a\n", 'a"b'):
            with self.assertRaisesRegex(ValueError, "schema must be", msg=name):
                check_schema(name)
        self.assertEqual(check_schema("a_1"), "a_1")
