"""
Runs in a Klein app: the routes of the documentation.
"""

from collections.abc import AsyncIterator

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource
from twisted.web.server import Request

from twisted_sse import Hub
from twisted_sse.runs import Runs
from twisted_sse.testing import StreamClient

__all__ = ["KleinTests"]


class KleinTests(SynchronousTestCase):
    """
    One route begins runs, another one follows and cancels them.
    """

    def setUp(self) -> None:
        """
        Make the app and a client.
        """
        clock = Clock()
        runs = Runs(Hub(reactor=clock))
        self.next: Deferred[str] = Deferred()
        self.begun: list[str] = []
        app = Klein()

        @app.route("/chat/<run>", methods=["POST"])
        @runs.start
        async def answer(request: Request, run: str) -> AsyncIterator[str]:
            self.begun.append(run)
            while True:
                yield await self.next

        @app.route("/chat/<run>", methods=["GET", "DELETE"])
        def follow(request: Request, run: str) -> IResource:
            return runs.resource(run)

        self.client = StreamClient(app, clock)
        self.addCleanup(self.client.close)

    def give(self, text: str) -> None:
        """
        Let the source yield *text*.
        """
        waiting, self.next = self.next, Deferred()
        waiting.callback(text)
        self.client.advance(0.1)

    def test_routes(self) -> None:
        """
        A run is begun once, read by all, and cancelled.
        """
        first = self.client.post("/chat/7")
        self.give("a")
        second = self.client.post("/chat/7")
        third = self.client.get("/chat/7")
        self.give("b")
        cancelled = self.client.delete("/chat/7")

        self.assertEqual(self.begun, ["7"])
        for reader in (first, second, third):
            self.assertEqual([event.data for event in reader.events], ["a", "b"])
            self.assertTrue(reader.ended)
        self.assertEqual(cancelled.status, 204)
        self.assertEqual(self.client.get("/chat/8").status, 404)
