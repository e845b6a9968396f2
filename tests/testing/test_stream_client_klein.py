"""
`StreamClient` with Klein applications.
"""

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource
from twisted.web.server import Request

from twisted_sse import EventSourceResponse, Hub
from twisted_sse.testing import StreamClient

__all__ = ["KleinTests"]


class KleinTests(SynchronousTestCase):
    """
    A Klein app whose routes stream and publish.
    """

    def setUp(self) -> None:
        """
        Make the app and a client.
        """
        self.clock = Clock()
        self.hub = Hub(reactor=self.clock)
        self.ended: list[str] = []
        self.client = StreamClient(self.app(), self.clock)
        self.addCleanup(self.client.close)

    def app(self) -> Klein:
        """
        Make an app: rooms to subscribe and publish to, a stream that counts, and an endless wait.
        """
        app = Klein()

        @app.route("/rooms/<room>", methods=["GET", "HEAD", "OPTIONS"])
        def listen(request: Request, room: str) -> IResource:
            return self.hub.subscribe(f"rooms/{room}")

        @app.route("/rooms/<room>", methods=["POST"])
        async def say(request: Request, room: str) -> str:
            await deferLater(self.clock, 0.5)
            receipt = await self.hub.publish(f"rooms/{room}", request.args[b"text"][0].decode())
            return str(receipt.subscribers)

        @app.route("/count")
        def count(request: Request) -> IResource:
            async def numbers() -> object:
                try:
                    for number in range(3):
                        yield {"number": number}
                        await deferLater(self.clock, 1)
                finally:
                    self.ended.append("count")

            return EventSourceResponse(numbers, clock=self.clock)

        @app.route("/wait")
        async def wait(request: Request) -> None:
            try:
                await Deferred()
            finally:
                self.ended.append("wait")

        return app

    def test_rooms(self) -> None:
        """
        A message in a room arrives there only, once the clock is advanced.
        """
        lobby, garden = self.client.get("/rooms/lobby"), self.client.get("/rooms/garden")
        said = self.client.post("/rooms/lobby", {"text": "hello"})
        before = said.answered, lobby.events

        self.client.advance(0.5)

        self.assertEqual(before, (False, []))
        self.assertEqual((said.status, said.body), (200, b"1"))
        self.assertEqual([event.data for event in lobby.events], ["hello"])
        self.assertEqual(garden.events, [])

    def test_generator(self) -> None:
        """
        A generator that a route returns is read to its end.
        """
        stream = self.client.get("/count")

        self.client.advance(3)

        self.assertEqual([event.json()["number"] for event in stream.events], [0, 1, 2])
        self.assertTrue(stream.ended)
        self.assertEqual(self.ended, ["count"])

    def test_disconnect(self) -> None:
        """
        `disconnect` closes a generator, and cancels a route that waits.
        """
        stream, waiting = self.client.get("/count"), self.client.get("/wait")

        stream.disconnect()
        waiting.disconnect()

        self.assertEqual(self.ended, ["count", "wait"])

    def test_resume(self) -> None:
        """
        `resume` receives the messages sent meanwhile.
        """
        stream = self.client.get("/rooms/lobby")
        stream.disconnect()
        self.client.post("/rooms/lobby", {"text": "hello"})
        self.client.advance(1)

        again = stream.resume()

        self.assertEqual([event.data for event in again.events], ["hello"])

    def test_other_answers(self) -> None:
        """
        HEAD, a wrong method and a wrong path are answered as in production.
        """
        methods = ["HEAD", "OPTIONS", "DELETE"]
        answers = [self.client.request(method, "/rooms/lobby") for method in methods]

        self.assertEqual([answer.status for answer in answers], [200, 204, 405])
        self.assertEqual(self.client.get("/else").status, 404)
