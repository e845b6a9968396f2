"""
Responses of a hub: they end with it, and it keeps nothing of them afterward.
"""

import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.support.http import Caller, call
from twisted_sse import EventSourceResponse, Hub, ServerSentEvent
from twisted_sse.broker.drain import abort_all
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.web.generators.source import Item

__all__ = ["KeepingTests", "StoppingTests"]


class Route(Resource):
    """
    Makes a response for each request, as a Klein route does.

    Attributes:
        said: What the sources have recorded.

        made: The responses that are still alive.
    """

    isLeaf = True

    def __init__(self, hub: Hub, **options: Any) -> None:
        super().__init__()
        self.said: list[str] = []
        self.made: weakref.WeakSet[EventSourceResponse] = weakref.WeakSet()
        self.hold: Deferred[None] | None = None
        self.obedient = True
        self._hub = hub
        self._options = options

    def render(self, request: Request) -> int:
        """
        See `twisted.web.resource.IResource.render`.
        """
        response = EventSourceResponse(self.source, hub=self._hub, **self._options)
        self.made.add(response)
        return response.render(request)

    async def source(self, draining: Deferred[None]) -> AsyncIterator[Item]:
        """
        Wait until the source is told to end, and then end only if `obedient`.
        """
        try:
            yield "x"
            await draining
            yield "told"
            if not self.obedient:
                await Deferred()
        except CancelledError:
            self.said.append("cancelled")
            raise
        finally:
            if self.hold is not None:
                await self.hold
            self.said.append("finally")


class Served:
    """
    A hub, and a site with a route of such responses, on a clock.
    """

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.hub = Hub(reactor=self.clock)
        self.service = self.hub.service(grace=10)
        self.service.startService()
        self.route = Route(self.hub, **options)
        root = Resource()
        root.putChild(b"route", self.route)
        root.putChild(b"events", self.hub.subscribe("news"))
        self.site = StreamSite(root, reactor=self.clock)
        self.clock.advance(0)

    def call(self, target: str = "/route", method: str = "GET") -> Caller:
        """
        Send a request, and let the stream begin.
        """
        caller = call(self.site, method, target)
        self.clock.advance(0)
        return caller

    def stop(self) -> list[None]:
        """
        Stop the hub's service; the result has an item once it has stopped.
        """
        stopped: list[None] = []
        self.service.stopService().addCallback(stopped.append)
        return stopped


class StoppingTests(SynchronousTestCase):
    """
    The hub's service stops.
    """

    def test_told(self) -> None:
        """
        Sources are told to end, may yield last items, and the farewell follows.
        """
        served = Served(farewell=ServerSentEvent("farewell"))
        callers = [served.call(), served.call()]
        stopped = served.stop()
        served.clock.pump([0.1] * 5)

        for caller in callers:
            data = [event.data for event in caller.answer.events]
            self.assertEqual((data, caller.answer.ended), (["x", "told", "farewell"], True))
        self.assertEqual((served.route.said, stopped), (["finally"] * 2, [None]))

    def test_cut(self) -> None:
        """
        After the grace, sources that go on are cancelled and the service stops.
        """
        served = Served()
        served.route.obedient = False
        caller = served.call()
        stopped = served.stop()
        served.clock.pump([0.1] * 98)
        before = (caller.answer.ended, list(stopped), len(served.hub.responses))
        served.clock.pump([0.1] * 5)

        self.assertEqual(before, (False, [], 1))
        self.assertEqual((caller.answer.ended, stopped), (False, [None]))
        self.assertFalse(caller.transport.connected)
        self.assertEqual(served.route.said, ["cancelled", "finally"])
        self.assertEqual(len(served.hub.responses), 0)

    def test_abort(self) -> None:
        """
        An abort cancels the sources at once, and interrupts no ``finally``.
        """
        served = Served()
        served.route.obedient = False
        served.route.hold = Deferred()
        caller = served.call()
        stopped = served.stop()
        served.clock.advance(0)
        abort_all(served.hub.broker, served.hub.responses)
        abort_all(served.hub.broker, served.hub.responses)
        served.clock.advance(0)
        self.assertEqual((caller.answer.ended, served.route.said), (False, ["cancelled"]))

        served.route.hold.callback(None)
        served.clock.pump([0.1] * 5)
        self.assertEqual((stopped, served.route.said), ([None], ["cancelled", "finally"]))

    def test_many(self) -> None:
        """
        Many sources are told in slices, so that the reactor is not blocked.
        """
        served = Served()
        for _ in range(450):
            call(served.site, "GET", "/route")
        served.clock.advance(0)
        served.stop()
        first = len(served.hub.responses)
        served.clock.advance(0)

        self.assertEqual((first, len(served.hub.responses), len(served.route.said)), (250, 0, 450))

    def test_newcomers(self) -> None:
        """
        From then on requests are answered with 503, also by new responses.
        """
        served = Served()
        served.stop()
        for method in ("GET", "HEAD"):
            answer = served.call("/route", method).answer

            self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
        self.assertEqual(served.route.said, [])

    def test_beside_subscribers(self) -> None:
        """
        The hub's subscribers and the streams of sources end together.
        """
        served = Served()
        callers = [served.call("/events"), served.call("/route")]
        stopped = served.stop()
        served.clock.pump([0.1] * 5)

        self.assertEqual([caller.answer.ended for caller in callers], [True, True])
        self.assertEqual(stopped, [None])

    def test_own_drain(self) -> None:
        """
        A response of a hub cannot be drained by itself.
        """
        response = EventSourceResponse([], hub=Hub(reactor=Clock()))

        self.assertRaises(RuntimeError, response.drain)

    def test_other_clock(self) -> None:
        """
        The clock of a response must be that of its hub.
        """
        hub = Hub(reactor=Clock())
        EventSourceResponse([], hub=hub, clock=hub.clock)

        self.assertRaises(ValueError, EventSourceResponse, [], hub=hub, clock=Clock())


class KeepingTests(SynchronousTestCase):
    """
    A hub keeps only the open streams of responses.
    """

    def test_forgotten(self) -> None:
        """
        When a stream has ended, neither the stream nor its response nor a timer is left.
        """
        served = Served()
        callers = [served.call() for _ in range(3)]
        during = (len(served.hub.responses), len(served.route.made))
        for caller in callers:
            caller.leave()
        callers.clear()
        served.clock.advance(0)
        gc.collect()

        self.assertEqual(during, (3, 3))
        self.assertEqual((len(served.hub.responses), list(served.route.made)), (0, []))
        self.assertEqual(served.clock.getDelayedCalls(), [])

    def test_shared_timers(self) -> None:
        """
        Responses of one request each share the hub's timers.
        """
        served = Served()
        for _ in range(5):
            served.call()

        self.assertEqual(len(served.clock.getDelayedCalls()), 1)

    def test_awaiting_finally(self) -> None:
        """
        After the subscriber has left, a stream is kept until its source is closed.
        """
        served = Served()
        served.route.hold = Deferred()
        served.call().leave()
        before = len(served.hub.responses)
        served.route.hold.callback(None)

        self.assertEqual((before, len(served.hub.responses)), (1, 0))

    def test_after_a_keepalive(self) -> None:
        """
        After all streams have ended, a new one has keepalives again.
        """
        served = Served()
        served.call().leave()
        served.clock.advance(100)
        caller = served.call()
        served.clock.pump([0.1] * 152)

        self.assertEqual(caller.answer.body, b"data: x\n\n:\n\n")
