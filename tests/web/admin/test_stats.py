"""
``/stats``: the stream that the dashboard draws.
"""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request

from tests.support.http import Caller
from tests.web.admin.served import LOCAL, ServedAdmin
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.events.event import ServerSentEvent

__all__ = ["StatsTests"]


class StatsTests(SynchronousTestCase):
    """
    A viewer, and a hub that does something.
    """

    def setUp(self) -> None:
        """
        A hub, whose events since its start are no news.
        """
        self.admin = ServedAdmin()
        self.admin.publish("old")
        self.viewer = self.look()

    def look(self) -> Caller:
        """
        Begin to look.
        """
        viewer = self.admin.call("GET", "/stats", LOCAL)
        self.admin.clock.pump([0, 0])
        return viewer

    def events(self, viewer: Caller) -> list[ServerSentEvent]:
        """
        Return what *viewer* was sent.
        """
        return [event for event in viewer.answer.events if event.data is not None]

    def points(self) -> list[dict[str, Any]]:
        """
        Return the points that were sent one by one.
        """
        return [event.json() for event in self.events(self.viewer) if event.event == "point"]

    def test_first(self) -> None:
        """
        The stream begins with the points that there are: none.
        """
        (first,) = self.events(self.viewer)

        self.assertEqual((first.event, first.json()), ("points", []))
        self.assertEqual(self.viewer.answer.header("Content-Type"), "text/event-stream")

    def test_points(self) -> None:
        """
        A point follows each second, with what has happened in it.
        """
        self.admin.subscribe("news")
        self.admin.publish("one", "two")
        self.admin.clock.advance(1)
        self.admin.clock.advance(1)

        first, second = self.points()
        self.assertEqual((first["published"], first["delivered"], first["opened"]), (2, 2, 1))
        self.assertEqual((second["published"], second["connections"]), (0, 1))
        self.assertEqual(second["total_published"], 3)
        self.assertEqual((first["time"], second["time"]), (1, 2))

    def test_later(self) -> None:
        """
        Who comes later is sent the newest points at once.
        """
        self.admin.clock.pump([1] * 130)

        other = self.look()

        kept = self.events(other)[0].json()
        self.assertEqual((len(kept), kept[-1]["time"]), (120, 130))

    def test_nobody(self) -> None:
        """
        Nothing is done while nobody looks, and what happens then is no rate.
        """
        self.viewer.leave()
        self.admin.clock.pump([1, 1])
        before = self.admin.hub.broker.measures.stalls
        self.admin.publish("unseen")
        self.admin.clock.advance(60)
        self.viewer = self.look()
        self.admin.clock.advance(1)

        self.assertEqual(self.points()[0]["published"], 0)
        self.assertIs(before, self.admin.hub.broker.measures.stalls)

    def test_two(self) -> None:
        """
        Two viewers are sent the same points.
        """
        other = self.look()
        self.admin.clock.advance(1)
        self.admin.clock.advance(0)

        sent = [event.data for event in self.events(self.viewer) if event.event == "point"]
        same = [event.data for event in self.events(other) if event.event == "point"]
        self.assertEqual(sent, same)
        self.assertEqual(len(sent), 1)

    def test_again(self) -> None:
        """
        Who comes right after the last viewer has left gets one point each second, not two.
        """
        self.admin.clock.advance(0.5)
        self.viewer.leave()
        self.viewer = self.look()
        for _ in range(8):
            self.admin.clock.advance(0.5)

        self.assertEqual(len(self.points()), 4)

    def test_withdrawn(self) -> None:
        """
        The stream ends when the viewer may not look any more, whether that is known at
        once or later.
        """
        everything = Grant(subscribe=["*"], publish=["*"])

        async def later(request: Request) -> Grant:
            return self.grant

        for authorize in (lambda request: self.grant, later):
            with self.subTest(authorize):
                self.grant = everything
                self.admin = ServedAdmin(admin=authorize)
                self.viewer = self.look()
                self.admin.clock.advance(1)
                self.assertFalse(self.viewer.answer.ended)

                self.grant = Grant("someone", subscribe=["news"])
                self.admin.clock.advance(1)

                self.assertTrue(self.viewer.answer.ended)
                self.assertEqual(len(self.points()), 1)

    def test_failure(self) -> None:
        """
        A sample that cannot be taken is logged, and the next one follows.
        """
        responses = self.admin.hub.responses
        self.patch(type(responses), "__len__", lambda self: 1 // 0)
        self.admin.clock.advance(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

        self.patch(type(responses), "__len__", lambda self: 1)
        self.admin.clock.pump([1, 1])

        self.assertEqual(len(self.points()), 2)
