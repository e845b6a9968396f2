"""
Publishing with SQL, in transactions of a program's own.
"""

from contextlib import closing

import psycopg

from tests.support.following import data_of
from tests.support.postgres_histories import PostgresTestCase
from twisted_sse.events.control import CONTROL_EVENTS
from twisted_sse.events.presence import PRESENCE_EVENTS
from twisted_sse.topics import Selection

__all__ = ["OutboxTests", "RefusalTests", "RoleTests"]

ALL = Selection.of(["*"])


class OutboxTests(PostgresTestCase):
    """
    What is committed is delivered, and what is rolled back is not.
    """

    async def test_publish(self) -> None:
        """
        An event arrives with everything that it was given.
        """
        history = self.open()
        following = await self.follow(history)
        self.sql(
            "SELECT @.publish(ARRAY['a', 'b'], E'one\\ntwo é', event => 'kind', id => 'mine',"
            " private => true)"
        )
        self.sql("SELECT @.publish(ARRAY['c'], jsonb_build_object('x', 1))")
        await following.has(2)

        first, second = following.kept
        event = first.publication.event
        self.assertEqual((event.data, event.event, event.id), ("one\ntwo é", "kind", "mine"))
        self.assertEqual((first.publication.topics, first.publication.private), (("a", "b"), True))
        self.assertEqual((second.publication.event.data, second.id[-2:]), ('{"x": 1}', "-2"))

    async def test_rolled_back(self) -> None:
        """
        A transaction publishes when it commits, all or none, in its order; before that, nobody
        sees anything.
        """
        history = self.open()
        following = await self.follow(history)
        with self.server.connect() as open_one:
            self.publish(open_one, "late 1", "late 2")
            with closing(self.server.connect()) as failing:
                self.publish(failing, "never")
                failing.rollback()
            with self.server.connect() as other:
                self.publish(other, "early")
            await following.has(1)
        await following.has(3)

        self.assertEqual(following.data, ["early", "late 1", "late 2"])

    async def test_no_hub(self) -> None:
        """
        What is committed while no hub runs is delivered when one does, once.
        """
        history = self.open()
        await self.fill(history, "before")
        await history.stopService()
        with self.server.connect() as connection:
            self.publish(connection, *map(str, range(700)))
        first, second = self.open(), self.open()
        followings = [await self.follow(first), await self.follow(second)]
        found = await first.since(None, ALL, 1000)
        for following in followings:
            await following.has(700)

        self.assertEqual(data_of(found)[0], "before")
        for following in followings:
            self.assertEqual(following.data, [str(one) for one in range(700)])
            self.assertEqual(following.restarts, [])

    async def test_notify(self) -> None:
        """
        With *notify*, a hub looks at once.
        """
        history = self.open()
        following = await self.follow(history)
        self.sql("SELECT @.publish(ARRAY['a'], 'now', notify => true)")
        await following.has(1)

        self.assertEqual(following.data, ["now"])

    async def test_trigger(self) -> None:
        """
        A trigger publishes the changes of a table.
        """
        self.sql("CREATE TABLE @.orders (id int PRIMARY KEY, state text)")
        self.sql(
            "CREATE FUNCTION @.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " PERFORM @.publish(ARRAY['orders/' || NEW.id], to_jsonb(NEW), event => lower(TG_OP));"
            " RETURN NULL; END $$"
        )
        self.sql(
            "CREATE TRIGGER tell AFTER INSERT OR UPDATE ON @.orders"
            " FOR EACH ROW EXECUTE FUNCTION @.tell()"
        )
        history = self.open()
        following = await self.follow(history)
        self.sql("INSERT INTO @.orders VALUES (7, 'new')")
        self.sql("UPDATE @.orders SET state = 'paid'")
        await following.has(2)

        events = [(one.publication.topics[0], one.publication.event) for one in following.kept]
        self.assertEqual([topic for topic, _ in events], ["orders/7"] * 2)
        self.assertEqual([event.event for _, event in events], ["insert", "update"])
        self.assertEqual(events[1][1].json(), {"id": 7, "state": "paid"})

    def publish(self, connection: "psycopg.Connection[tuple[object, ...]]", *data: str) -> None:
        """
        Publish each of *data* in the transaction of *connection*.
        """
        for one in data:
            connection.execute(f"SELECT {self.schema}.publish(ARRAY['a'], %s)".encode(), [one])


class RefusalTests(PostgresTestCase):
    """
    What no hub would take is refused at once.
    """

    CASES = [
        ("NULL, 'x'", "no topic"),
        ("ARRAY[]::text[], 'x'", "no topic"),
        ("array_fill('a'::text, ARRAY[101]), 'x'", "more than 100"),
        ("ARRAY['a', NULL], 'x'", "a topic is empty"),
        ("ARRAY['*'], 'x'", "a topic is empty or *"),
        ("ARRAY[repeat('a', 4097)], 'x'", "4096"),
        ("ARRAY[E'a\\x1fb'], 'x'", "control"),
        ("ARRAY[E'a\\u200bb'], 'x'", "nobody sees"),
        ("ARRAY['a'], NULL::text", "the data is NULL"),
        ("ARRAY['a'], 'x', event => ''", "event must be one line"),
        ("ARRAY['a'], 'x', event => E'a\\nb'", "event must be one line"),
        ("ARRAY['a'], 'x', id => ''", "id must be"),
        ("ARRAY['a'], 'x', id => 'earliest'", "id must be"),
        ("ARRAY['a'], 'x', id => ' x'", "id must be"),
        ("ARRAY['a'], 'x', id => repeat('x', 1025)", "id must be"),
        ("ARRAY['a'], 'x', private => NULL", "private is NULL"),
    ]

    def test_refused(self) -> None:
        """
        One sentence says what is wrong, and nothing waits.
        """
        for arguments, reason in self.CASES:
            with self.subTest(arguments=arguments):
                with self.assertRaises(psycopg.Error) as caught:
                    self.sql(f"SELECT @.publish({arguments})")
                self.assertIn(reason, str(caught.exception))
                self.assertEqual(caught.exception.sqlstate, "22023")

        self.assertEqual(self.sql("SELECT count(*) FROM @.outbox"), [(0,)])

    def test_condition(self) -> None:
        """
        publish() refuses what fault() refuses, and nothing else, whether it asks it or not.
        """
        text = "SELECT @.fault(ARRAY[%s::text], 'x', %s, NULL, false)"
        names = (
            "a",
            "*",
            "a*",
            "",
            "**",
            "a\x1fb",
            "\u00ad",
            "é",
            "\U0001f600",
            "a" * 4096,
            "é" * 2049,
        )
        events = (None, "a", "", "a\nb", "a\rb", "topic-x", "topic-end", "a-stream-open", "\u200b")
        for topic in names:
            for event in events:
                ((fault,),) = self.sql(text, topic, event)
                try:
                    self.sql("SELECT @.publish(ARRAY[%s], 'x', %s)", topic, event)
                except psycopg.Error as error:
                    self.assertIn(str(fault), str(error))
                else:
                    self.assertIsNone(fault, (topic, event))

    def test_shadowed(self) -> None:
        """
        Operators and functions of the caller are not used with the rights of the owner.
        """
        self.sql(
            "CREATE SCHEMA @_evil;"
            "CREATE FUNCTION @_evil.array_to_string(text[], text) RETURNS text LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE 'called'; END $$;"
            "CREATE FUNCTION @_evil.never(text, text) RETURNS boolean LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE 'called'; END $$;"
            "CREATE OPERATOR @_evil.<> (FUNCTION = @_evil.never, LEFTARG = text, RIGHTARG = text);"
            "CREATE OPERATOR @_evil.!~ (FUNCTION = @_evil.never, LEFTARG = text, RIGHTARG = text)"
        )
        with self.server.connect() as connection:
            connection.execute(f"SET search_path = {self.schema}_evil, pg_catalog".encode())
            connection.execute(
                f"SELECT {self.schema}.publish(ARRAY['a'], 'x', event => 'e')".encode()
            )

        self.assertEqual(self.sql("SELECT count(*) FROM @.outbox"), [(1,)])

    def test_reserved(self) -> None:
        """
        The event types that only a hub sends are those of every hub.
        """
        for event in CONTROL_EVENTS | PRESENCE_EVENTS:
            with self.assertRaisesRegex(psycopg.Error, "reserved for the hub", msg=event):
                self.sql("SELECT @.publish(ARRAY['a'], 'x', event => %s)", event)
        self.sql("SELECT @.publish(ARRAY['a'], 'x', event => 'presence-of-mind')")

        self.assertEqual(self.sql("SELECT event FROM @.outbox"), [("presence-of-mind",)])


class RoleTests(PostgresTestCase):
    """
    Nobody may do anything that was not granted.
    """

    def setUp(self) -> object:
        """
        Make roles.
        """
        for name in ("hub", "shop", "nobody"):
            self.server.sql(
                f"DO $$ BEGIN CREATE ROLE {name} LOGIN;"
                " EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            )
        return super().setUp()

    def refused(self, text: str, user: str) -> None:
        """
        Check that *user* may not run *text*.
        """
        with self.assertRaises(psycopg.errors.InsufficientPrivilege, msg=text):
            self.sql(text, user=user)

    async def test_hub(self) -> None:
        """
        A hub needs only what allow_hub() grants, and says what is missing.
        """
        history = self.open(url=self.server.url.replace("postgres@", "hub@"))
        with self.assertRaisesRegex(Exception, rf"lacks rights.*{self.schema}\.allow_hub\('hub'\)"):
            await history.tail(1)
        self.sql("SELECT @.allow_hub('hub')")
        await self.available(history)
        following = await self.follow(history)
        self.sql("SELECT @.publish(ARRAY['a'], 'moved')", user="hub")
        records = await self.fill(history, "one")
        await following.has(2)

        self.assertEqual(sorted(data_of(following.kept), key=str), ["moved", "one"])
        self.assertEqual(await history.since(None, ALL, 9), following.kept)
        self.assertEqual(await history.find(records[0].id), None)
        for text in ("DELETE FROM @.event", "UPDATE @.event SET data = NULL"):
            self.refused(text, "hub")

    async def test_publisher(self) -> None:
        """
        A program that may publish can do nothing else.
        """
        self.refused("SELECT @.publish(ARRAY['a'], 'x')", "shop")
        self.sql("SELECT @.allow_publisher('shop')")
        self.sql("SELECT @.publish(ARRAY['a'], 'x')", user="shop")
        self.sql("SELECT @.end_topics(ARRAY['a'])", user="shop")

        for text in (
            *("SELECT * FROM @.event", "SELECT * FROM @.outbox", "DELETE FROM @.outbox"),
            *("SELECT @.post(NULL, '', '', '', true, '', true)", "SELECT @.move(1, 1, 1, '1 s')"),
            *("SELECT * FROM @.look()", "SELECT * FROM @.history"),
        ):
            self.refused(text, "shop")
        for text in ("SELECT @.publish(ARRAY['a'], 'x')", "SELECT * FROM @.event"):
            self.refused(text, "nobody")

    async def test_owner(self) -> None:
        """
        An owner that is no superuser can install the schema, and use it.
        """
        self.sql("CREATE SCHEMA own AUTHORIZATION nobody")
        history = self.make(url=self.server.url.replace("postgres@", "nobody@"), schema="own")
        installed = [await history.install(), await history.install()]
        history.startService()
        self.addCleanup(self.close, history)
        await self.fill(history, "one")

        self.assertEqual(installed, [True, False])
        self.assertEqual(data_of((await history.tail(5)).kept), ["one"])
