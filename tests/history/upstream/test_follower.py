"""
What an edge delivers, and how it restarts when upstream has lost its history.
"""

from twisted.trial.unittest import TestCase

from tests.support.redis_histories import Following
from tests.support.upstreams import Upstream
from tests.support.waiting import PATIENCE
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication
from twisted_sse.history import MemoryHistory
from twisted_sse.testing.contract.samples import SHAPES

__all__ = ["FollowerTests"]


#: Its ID is too long to be published, but an old store may have it.
LONG = Publication(("a",), ServerSentEvent("long", id="x" * 20_000))


class FollowerTests(TestCase):
    """
    An edge that follows a hub in the same process.
    """

    timeout = PATIENCE

    def setUp(self) -> None:
        """
        A hub.
        """
        self.upstream = Upstream(MemoryHistory())
        self.upstream.start()
        self.addCleanup(self.upstream.stop)

    async def follow(self, after: Position | None = None) -> Following:
        """
        Follow upstream from its end.
        """
        edge = self.upstream.edge()
        edge.startService()
        self.addCleanup(edge.stopService)
        following = Following()
        newest = (await edge.tail(1)).newest if after is None else after
        edge.follow(newest, following.deliver, following.restart)
        return following

    async def test_shapes(self) -> None:
        """
        Everything that can be published is delivered as it was kept.
        """
        following = await self.follow()
        await self.upstream.hub.broker.submit(SHAPES)
        await following.has(len(SHAPES))

        self.assertEqual([one.publication for one in following.kept], SHAPES)
        self.assertEqual([one.number for one in following.kept], list(range(1, len(SHAPES) + 1)))

    async def test_control_types(self) -> None:
        """
        A published event is never mistaken for a control event, whatever its type.
        """
        following = await self.follow()
        types = ["stream-open", "stream-reset", "stream-error"]
        batch = [Publication(("a",), ServerSentEvent("{}", event=type)) for type in types]
        await self.upstream.hub.broker.submit(batch)
        await following.has(3)

        self.assertEqual([one.publication for one in following.kept], batch)
        self.assertEqual(following.restarts, [])

    async def test_pushed(self) -> None:
        """
        An event that was pushed to connections, and not kept, is not delivered.
        """
        following = await self.follow()
        await self.upstream.hub.publish("a", "first")
        await following.has(1)
        for connection in self.upstream.hub.connections:
            connection.push(ServerSentEvent("pushed", comment='{"topics":"no note"'))
        await self.upstream.hub.publish("a", "second")
        await following.has(2)

        self.assertEqual(following.data, ["first", "second"])

    async def test_cut(self) -> None:
        """
        After a lost connection it continues exactly where it was.
        """
        following = await self.follow()
        await self.upstream.hub.publish("a", "first")
        await following.has(1)
        await self.upstream.go_away()
        await self.upstream.hub.broker.submit(SHAPES)
        self.upstream.come_back()
        await following.has(1 + len(SHAPES))

        self.assertEqual([one.number for one in following.kept], list(range(1, len(SHAPES) + 2)))
        self.assertEqual(following.restarts, [])

    async def test_long_id(self) -> None:
        """
        An ID that is too long for a request does not prevent resuming.
        """
        following = await self.follow()
        await self.upstream.hub.publish("a", "first")
        await self.upstream.hub.broker.submit([LONG])
        await following.has(2)
        await self.upstream.go_away()
        await self.upstream.hub.publish("a", "next")
        self.upstream.come_back()
        await following.has(3)

        self.assertEqual(following.data, ["first", "long", "next"])
        self.assertEqual(following.restarts, [])

    async def test_long_id_at_first(self) -> None:
        """
        It restarts if an ID that is too long is the newest when the edge starts.
        """
        await self.upstream.hub.publish("a", "first")
        await self.upstream.hub.broker.submit([LONG])
        following = await self.follow()
        await following.restarted()
        await self.upstream.hub.publish("a", "next")
        await following.has(1)

        self.assertEqual(following.data, ["next"])

    async def test_other_life(self) -> None:
        """
        It restarts if upstream does not know the position, and continues there.
        """
        await self.upstream.hub.publish("a", "newest")
        following = await self.follow(Position(17, "another life's"))
        await following.restarted()
        await self.upstream.hub.publish("a", "next")
        await following.has(1)

        (tail,) = following.restarts
        self.assertEqual([one.publication.event.data for one in tail.kept], ["newest"])
        self.assertEqual(following.data, ["next"])

    async def test_same_id_in_other_life(self) -> None:
        """
        It restarts if a publisher has used the position's ID again in another life of upstream.
        """
        await self.upstream.hub.publish("a", "newest", id="order 17")
        following = await self.follow(Position(17, "order 17"))
        await following.restarted()
        await self.upstream.hub.publish("a", "next")
        await following.has(1)

        self.assertEqual(following.data, ["next"])
