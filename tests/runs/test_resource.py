"""
Runs over HTTP: begin, follow, resume, cancel, in any dialect.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.runs.test_runs import Source
from tests.support.hubs import make_hub
from twisted_sse import CORS, Forbidden, Grant
from twisted_sse.runs import Runs
from twisted_sse.testing import StreamAnswer, StreamClient
from twisted_sse.web.dialects import AISDK, BrowserEvents, OpenAIResponses, TanStackAI

__all__ = ["CancelTests", "DialectTests", "FollowTests", "GrantTests", "StartTests"]


class _Tree(Resource):
    """
    The routes of an application: ``/NAME`` is a run, and ``POST`` begins it.
    """

    def __init__(self, case: "ResourceCase") -> None:
        super().__init__()
        self._case = case

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        See `IResource.getChildWithDefault`.
        """
        name = path.decode()
        if request.method == b"POST":
            return self._case.route(request, run=name)
        return self._case.runs.resource(name, **self._case.options)


class ResourceCase(SynchronousTestCase):
    """
    Runs of a hub in memory, and a client.
    """

    def setUp(self) -> None:
        """
        Make them.
        """
        self.hub, self.clock = make_hub()
        self.runs = Runs(self.hub, flush=0)
        self.options: dict[str, Any] = {}
        self.sources: list[Source] = []
        self.serve()
        self.client = StreamClient(_Tree(self), self.clock)
        self.addCleanup(self.client.close)

    def serve(self, **options: Any) -> None:
        """
        Serve runs with *options*.
        """
        self.options = options

        @self.runs.start(**options)
        def route(request: Request, run: str) -> AsyncIterator[object]:
            self.sources.append(Source())
            return self.sources[-1].items()

        self.route: Any = route

    def give(self, *items: object) -> None:
        """
        Let the source that was begun yield items.
        """
        for item in items:
            (source,) = (one for one in self.sources if "closed" not in one.said and one.said)
            source.give(item)
            self.client.advance(0.05)

    def data(self, answer: StreamAnswer) -> list[str | None]:
        """
        The data of the events.
        """
        return [event.data for event in answer.events]


class FollowTests(ResourceCase):
    """
    ``GET``.
    """

    def test_live(self) -> None:
        """
        A reader gets the run from its start, live, and the end; it begins with no control
        event.
        """
        self.client.post("/one")
        self.give("a")
        reader = self.client.get("/one")
        self.give("b", None)

        self.assertEqual(reader.status, 200)
        self.assertEqual(reader.header("Content-Type"), "text/event-stream")
        self.assertEqual(self.data(reader), ["a", "b"])
        self.assertEqual([one.event for one in reader.control], ["topic-end"])
        self.assertTrue(reader.ended)

    def test_unknown(self) -> None:
        """
        A run that nobody has begun is answered with 404.
        """
        for answer in (self.client.get("/one"), self.client.delete("/one")):
            self.assertEqual(answer.status, 404)
            self.assertIn("There is no run 'one'", answer.detail)

    def test_resume(self) -> None:
        """
        A reader continues after its last event ID, by header or query, and after the last
        one it is answered with 204.
        """
        self.client.post("/one")
        self.give("a", "b", None)
        first = self.client.get("/one")
        ids = [event.id for event in (*first.events, *first.control)]

        for answer in (
            self.client.get("/one", last_event_id=ids[0]),
            self.client.get(f"/one?starting_after={ids[0]}"),
            self.client.get(f"/one?last_event_id={ids[0]}"),
        ):
            self.assertEqual(self.data(answer), ["b"])
            self.assertTrue(answer.ended)
        self.assertEqual(self.client.get("/one", last_event_id=ids[-1]).status, 204)

    def test_unknown_id(self) -> None:
        """
        With an ID that is not known, a reader is told so, and gets everything.
        """
        self.client.post("/one")
        self.give("a")
        reader = self.client.get("/one", last_event_id="unknown")

        self.assertEqual([one.event for one in reader.control][:1], ["stream-reset"])
        self.assertEqual(self.data(reader), ["a"])

    def test_forgotten(self) -> None:
        """
        When a run was kept long enough, it is unknown.
        """
        self.client.post("/one")
        self.give("a", None)
        self.client.advance(3601)

        self.assertEqual(self.client.get("/one").status, 404)

    def test_outcome(self) -> None:
        """
        The end tells how the run has ended.
        """
        self.client.post("/one")
        self.give("a", ZeroDivisionError())
        reader = self.client.get("/one")

        self.assertEqual(reader.control[-1].json(), {"outcome": "failed"})
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_priming(self) -> None:
        """
        A stream that is to tell its position begins with ``stream-open``.
        """
        self.serve(priming="event")
        self.client.post("/one")
        reader = self.client.get("/one")

        self.assertEqual([one.event for one in reader.control], ["stream-open"])

    def test_head(self) -> None:
        """
        ``HEAD`` has the headers only.
        """
        self.client.post("/one")
        answer = self.client.request("HEAD", "/one")

        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.body, b"")

    def test_method(self) -> None:
        """
        Other methods are refused.
        """
        self.assertEqual(self.client.put("/one").status, 405)


class StartTests(ResourceCase):
    """
    ``POST``.
    """

    def test_join(self) -> None:
        """
        The first request begins the run, and the second joins it; both are answered with
        all of it.
        """
        first = self.client.post("/one")
        self.give("a")
        second = self.client.post("/one")
        self.give("b", None)

        self.assertEqual([self.data(one) for one in (first, second)], [["a", "b"]] * 2)
        self.assertEqual([one.said for one in self.sources], [["begun", "closed"], []])

    def test_reader_left(self) -> None:
        """
        The run goes on when who began it has left, and the reader comes back to it.
        """
        first = self.client.post("/one")
        self.give("a")
        first.disconnect()
        self.give("b")
        again = self.client.get("/one")
        self.give("c", None)

        self.assertEqual(self.data(again), ["a", "b", "c"])

    def test_refused(self) -> None:
        """
        What a coroutine function raises is the answer, and nothing begins.
        """

        async def route(request: Request, run: str) -> list[str]:
            raise Forbidden("Not you.")

        self.route = self.runs.start(route)
        answer = self.client.post("/one")

        self.assertEqual(answer.status, 403)
        self.assertEqual(len(self.runs), 0)

    def test_later(self) -> None:
        """
        A coroutine function may return the source later.
        """
        waiting: Deferred[list[str]] = Deferred()

        async def route(request: Request, run: str) -> list[str]:
            return await waiting

        self.route = self.runs.start(route)
        answer = self.client.post("/one")
        waiting.callback(["a", "b"])
        self.client.advance(0.1)

        self.assertEqual(self.data(answer), ["a", "b"])

    def test_limit(self) -> None:
        """
        A run above the limit is answered with 503, and one of a user with 429.
        """
        self.runs = Runs(self.hub, max_runs=2, max_runs_per_user=1, prefix="limited/")
        grant = Grant("ada", subscribe=["*"], publish=["*"])
        self.serve(authorize=lambda request: grant)
        statuses = [self.client.post(f"/{name}") for name in ("one", "two")]
        self.serve()
        statuses += [self.client.post(f"/{name}") for name in ("three", "four")]

        self.assertEqual([one.status for one in statuses], [200, 429, 200, 503])

    def test_no_name(self) -> None:
        """
        A function without an argument *run* is refused when it is decorated.
        """
        with self.assertRaisesRegex(TypeError, "has no argument 'run'"):
            self.runs.start(lambda request: [])
        with self.assertRaisesRegex(TypeError, "decorates a function"):
            self.runs.start(7)

    def test_method_of_object(self) -> None:
        """
        It decorates methods, too.
        """

        class App:
            @self.runs.start
            def route(self, request: Request, run: str) -> list[str]:
                return [run]

        app = App()
        self.route = app.route
        answer = self.client.post("/one")
        self.client.advance(0.1)

        self.assertEqual(self.data(answer), ["one"])


class CancelTests(ResourceCase):
    """
    ``DELETE``.
    """

    def test_cancel(self) -> None:
        """
        The source is cancelled, and readers are told.
        """
        self.client.post("/one")
        self.give("a")
        reader = self.client.get("/one")
        answers = [self.client.delete("/one") for _ in range(2)]

        self.assertEqual([one.status for one in answers], [204, 204])
        self.assertEqual(self.sources[0].said, ["begun", "cancelled", "closed"])
        self.assertEqual(reader.control[-1].json(), {"outcome": "cancelled"})
        self.assertTrue(reader.ended)


class GrantTests(ResourceCase):
    """
    With ``authorize``, grants decide.
    """

    def test_grants(self) -> None:
        """
        ``subscribe`` is for reading, and ``publish`` for beginning and cancelling.
        """
        grants = {
            "stranger": Grant(subscribe=["runs/two"], publish=["runs/two"], public=True),
        }

        def authorize(request: Request) -> Grant:
            return grants[request.getHeader("X-Who") or ""]

        expected = {
            "stranger": [403, 403, 403],
            "reader": [403, 200, 403],
            "writer": [200, 200, 204],
        }
        for dialect in (None, OpenAIResponses()):
            self.runs = Runs(self.hub, prefix=f"{type(dialect).__name__}/")
            topic = self.runs.topic("one")
            grants["writer"] = Grant(publish=[topic], subscribe=[topic])
            grants["reader"] = Grant(subscribe=[f"{topic[:-3]}{{name}}"])
            self.serve(authorize=authorize, dialect=dialect)
            self.client.post("/one", headers={"X-Who": "writer"})
            for who, statuses in expected.items():
                headers = {"X-Who": who}
                answers = [
                    self.client.post("/one", headers=headers),
                    self.client.get("/one", headers=headers),
                    self.client.delete("/one", headers=headers),
                ]

                self.assertEqual([one.status for one in answers], statuses, (who, dialect))

    def test_other_page(self) -> None:
        """
        A page of another site cannot begin or cancel a run with its visitor's cookie; one
        of a listed origin can.
        """
        headers = {"Origin": "https://evil.example", "Cookie": "session=1"}
        refused = self.client.post("/one", headers=headers)
        self.serve(cors=CORS(["https://app.example"]))
        headers["Origin"] = "https://app.example"
        taken = self.client.post("/one", headers=headers)

        self.assertEqual([refused.status, taken.status], [403, 200])
        self.assertEqual(taken.header("Access-Control-Allow-Origin"), "https://app.example")


class DialectTests(ResourceCase):
    """
    One run, read by the clients of models.
    """

    def test_ai_sdk(self) -> None:
        """
        The AI SDK reads chunks and ``[DONE]``, and resumes from the start; when the run is
        over, it has all of it, or is answered with 204.
        """
        self.serve(dialect=AISDK(text=True))
        first = self.client.post("/one")
        self.give("Hel")
        first.disconnect()
        again = self.client.get("/one")
        self.give("lo", None)

        self.assertEqual(again.header("x-vercel-ai-ui-message-stream"), "v1")
        deltas = [json.loads(one)["delta"] for one in self.data(again) if one and '"delta"' in one]
        self.assertEqual(deltas, ["Hel", "lo"])
        self.assertEqual(self.data(again)[-1], "[DONE]")
        self.assertTrue(again.ended)
        self.assertEqual(self.data(self.client.get("/one")), self.data(again))
        self.serve(dialect=AISDK(text=True, replay=False))
        self.assertEqual(self.client.get("/one").status, 204)

    def test_openai(self) -> None:
        """
        The client of OpenAI counts, and continues after a number.
        """
        self.serve(dialect=OpenAIResponses())
        self.client.post("/one")
        for number in range(5):
            self.give({"type": "response.output_text.delta", "delta": str(number)})
        reader = self.client.get("/one?stream=true&starting_after=2")
        self.give({"type": "response.completed"}, None)

        numbers = [event.json()["sequence_number"] for event in reader.events]
        self.assertEqual(numbers, [3, 4, 5])
        self.assertTrue(reader.ended)

    def test_tanstack(self) -> None:
        """
        TanStack repeats its request with the last event ID, and does not begin a second run.
        """
        self.serve(dialect=TanStackAI())
        first = self.client.post("/one")
        self.give({"type": "TEXT_MESSAGE_CONTENT", "delta": "a"})
        last = first.events[-1].id
        first.disconnect()
        again = self.client.post("/one", last_event_id=last)
        self.give({"type": "TEXT_MESSAGE_CONTENT", "delta": "b"}, None)

        self.assertEqual([one.said for one in self.sources], [["begun", "closed"], []])
        deltas = [one.json().get("delta") for one in again.events]
        self.assertEqual([one for one in deltas if one], ["b"])

    def test_pages(self) -> None:
        """
        A page continues after the last event ID, at the hub's reconnection time, and is told the
        outcome; the clients of models are sent no reconnection time, which they take for an
        event.
        """
        self.serve(dialect=BrowserEvents())
        first = self.client.post("/one")
        self.give("a")
        again = first.resume()
        self.give("b", None)
        over = again.resume()
        self.serve(dialect=AISDK(text=True))

        self.assertIsNotNone(first.reconnection_time)
        self.assertEqual(again.header("Vary"), "Origin")
        self.assertEqual([one.data for one in first.events], ["a"])
        self.assertEqual([one.data for one in again.events], ["b", '{"outcome":"done"}'])
        self.assertEqual(over.status, 204)
        self.assertIsNone(self.client.post("/two").reconnection_time)

    def test_keepalive(self) -> None:
        """
        Comments follow after the hub's interval.
        """
        hub, clock = make_hub(keepalive=5)
        runs = Runs(hub)
        Deferred.fromCoroutine(runs.begin("one", Source().items()))
        client = StreamClient(runs.resource("one", dialect=BrowserEvents()), clock)
        self.addCleanup(client.close)
        reader = client.get("/")
        client.advance(4.9)
        early = reader.comments
        client.advance(1)

        self.assertEqual((early, reader.comments), ([], [""]))

    def test_unknown_id(self) -> None:
        """
        After an ID that is not known, a reader gets everything.
        """
        self.serve(dialect=TanStackAI())
        self.client.post("/one")
        self.give({"type": "TEXT_MESSAGE_CONTENT", "delta": "a"})
        again = self.client.post("/one", last_event_id="unknown")

        self.assertIn("a", [one.json().get("delta") for one in again.events])

    def test_slow_reader(self) -> None:
        """
        A reader that reads nothing for a while gets everything, and holds nobody.
        """
        self.serve(dialect=OpenAIResponses())
        self.client.post("/one")
        reader = self.client.get("/one")
        reader.slow_down()
        for number in range(900):
            self.give({"type": "response.output_text.delta", "delta": str(number) * 200})
        reader.speed_up()
        self.give({"type": "response.completed"}, None)
        self.client.advance(1)

        numbers = [event.json()["sequence_number"] for event in reader.events]
        self.assertEqual(numbers, list(range(901)))

    def test_lost_beginning(self) -> None:
        """
        If history has forgotten the beginning, the response does not look complete.
        """
        self.serve(dialect=OpenAIResponses())
        self.client.post("/one")
        self.give({"type": "response.output_text.delta", "delta": "a"})
        history = self.hub.history
        history._bounds = (1, 1 << 30, 3600.0)
        self.hub.broker._window._bounds = (1, 1 << 30)
        self.give({"type": "response.output_text.delta", "delta": "b"})
        self.give({"type": "response.output_text.delta", "delta": "c"})
        reader = self.client.get("/one")
        self.client.advance(0.1)

        self.assertEqual(reader.events, [])
        self.assertTrue(reader.closed)
        self.assertFalse(reader.ended)
        self.assertEqual(len(self.flushLoggedErrors()), 1)
