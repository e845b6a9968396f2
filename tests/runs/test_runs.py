"""
Runs in one process: what their readers get, and how they end.
"""

import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import AbsentHistory
from tests.support.hubs import Subscriber, make_hub
from tests.support.shared import CompleteHistory, SharedStore
from twisted_sse import Grant, Hub, ServerSentEvent
from twisted_sse.errors import (
    HubClosed,
    InvalidEvent,
    InvalidTopic,
    PerhapsKept,
    RunsNotKept,
    TooManyRuns,
    TooManyRunsOfUser,
    TopicEnded,
)
from twisted_sse.events.runrecord import RunKey
from twisted_sse.runs import Run, Runs

__all__ = ["BeginTests", "EndTests", "FlushTests", "LimitTests", "LingerTests", "SharedTests"]


class Source:
    """
    An async generator that a test controls.

    Attributes:
        said: What it does, in order.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        self._waiting: Deferred[Any] = Deferred()

    def give(self, item: object) -> None:
        """
        Let it yield *item*; an exception is raised instead, ``None`` ends it.
        """
        waiting, self._waiting = self._waiting, Deferred()
        waiting.callback(item)

    async def items(self) -> AsyncIterator[object]:
        """
        The generator.
        """
        self.said.append("begun")
        try:
            while True:
                item = await self._waiting
                if isinstance(item, Exception):
                    raise item
                if item is None:
                    break
                yield item
        except CancelledError:
            self.said.append("cancelled")
            raise
        finally:
            self.said.append("closed")


class RunCase(SynchronousTestCase):
    """
    Runs of a hub whose history is in memory.
    """

    options: dict[str, Any] = {}

    def setUp(self) -> None:
        """
        Make them.
        """
        self.hub, self.clock = make_hub()
        self.runs = Runs(self.hub, **self.options)
        self.source = Source()

    def turn(self, seconds: float = 0.0) -> None:
        """
        Let some turns of the reactor pass.
        """
        self.clock.advance(seconds)
        self.clock.pump([0] * 6)

    def begin(self, name: str = "one", source: Any = None, **options: Any) -> Run:
        """
        Begin a run of `source`, or of another one.
        """
        given = self.source.items() if source is None else source
        begun = Deferred.fromCoroutine(self.runs.begin(name, given, **options))
        self.turn()
        return self.successResultOf(begun)

    def refused(self, kind: type[Exception], name: str = "one", **options: Any) -> Exception:
        """
        Begin a run that cannot begin.
        """
        begun = Deferred.fromCoroutine(self.runs.begin(name, [1], **options))
        self.turn()
        return self.failureResultOf(begun, kind).value

    def reader(self, name: str = "one", last_event_id: str | None = "earliest") -> Subscriber:
        """
        Subscribe to the topic of a run, with a grant.
        """
        topic = self.runs.topic(name)
        grant = Grant(subscribe=[topic], public=True)
        reader = Subscriber(self.hub, topic, grant=grant, last_event_id=last_event_id)
        self.turn()
        return reader

    def give(self, *items: object) -> None:
        """
        Let the source yield items, one after the other.
        """
        for item in items:
            self.source.give(item)
            self.turn(0.05)


class BeginTests(RunCase):
    """
    A run begins once.
    """

    def test_items(self) -> None:
        """
        What the source yields is published, whoever reads: texts, events, anything else as
        JSON; then comes the end.
        """
        run = self.begin()
        self.give("x", {"n": 1}, None)
        self.source = Source()
        event = ServerSentEvent("y", event="t", id="mine")
        self.begin("two", [event, None, 7])
        self.turn(0.1)

        first, second = self.reader().sink, self.reader("two").sink
        self.assertEqual([one.data for one in first.events], ["x", '{"n":1}'])
        self.assertEqual(first.blocks[-1].json(), {"outcome": "done"})
        self.assertEqual(second.events[0], event)
        self.assertEqual(second.events[1].data, "7")
        self.assertEqual((run.state, run.joined, run.topic), ("done", False, "runs/one"))

    def test_no_reader(self) -> None:
        """
        A source is read although nobody reads the run.
        """
        self.begin()
        self.give("x", "y")

        self.assertEqual(self.reader().data, ["x", "y"])

    def test_live(self) -> None:
        """
        A reader gets what comes, and the end of the stream.
        """
        self.begin()
        reader = self.reader()
        self.give("x", "y", None)

        self.assertEqual(reader.data, ["x", "y"])
        self.assertTrue(reader.sink.finished)

    def test_private(self) -> None:
        """
        Only those read a run whose grant covers it, unless it is public.
        """
        public = Runs(self.hub, prefix="public/", private=False)
        Deferred.fromCoroutine(public.begin("one", ["x"]))
        self.begin(source=["y"])
        everybody = Subscriber(self.hub, "*", last_event_id="earliest")
        self.turn(0.1)

        self.assertEqual(everybody.data, ["x"])

    def test_join(self) -> None:
        """
        Whoever begins a run again joins it; the other source is closed unread.
        """
        run = self.begin()
        other = Source()
        again = self.begin(source=other.items())
        self.give(None)
        late = self.begin(source=other.items)

        self.assertEqual([run.joined, again.joined, late.joined], [False, True, True])
        self.assertEqual(other.said, [])
        self.assertEqual([run.state, again.state, late.state], ["done"] * 3)

    def test_race(self) -> None:
        """
        Of many that begin the same run in the same turn, one source is read.
        """
        sources = [Source() for _ in range(20)]
        begun = [
            Deferred.fromCoroutine(self.runs.begin("one", source.items())) for source in sources
        ]
        self.turn()

        runs = [self.successResultOf(one) for one in begun]
        self.assertEqual(sum(not run.joined for run in runs), 1)
        self.assertEqual([source.said for source in sources if source.said], [["begun"]])

    def test_again_after_keep(self) -> None:
        """
        A name can be begun anew when its run is forgotten.
        """
        self.begin(source=["x"])
        self.turn(0.1)
        self.turn(3601)
        run = self.begin(source=["y"])

        self.assertFalse(run.joined)

    def test_get(self) -> None:
        """
        Runs are found by their names, as long as they are kept.
        """
        unknown = Deferred.fromCoroutine(self.runs.get("one"))
        self.turn()
        self.begin()
        found = Deferred.fromCoroutine(self.runs.get("one"))
        self.turn()

        self.assertIsNone(self.successResultOf(unknown))
        run = self.successResultOf(found)
        assert run is not None
        self.assertEqual((run.name, run.state), ("one", "running"))
        self.assertEqual(repr(run), "<Run 'one' running>")

    def test_list(self) -> None:
        """
        Runs are listed with their states, the newest first; those of another prefix are not.
        """
        Deferred.fromCoroutine(Runs(self.hub, prefix="other/").begin("x", ["x"]))
        self.begin("a", [1])
        self.begin("b")
        self.turn(0.1)
        listed = self.successResultOf(self.runs.list())

        self.assertEqual(
            [(one.name, one.state) for one in listed], [("b", "running"), ("a", "done")]
        )
        page = self.successResultOf(self.runs.list(listed[0].number, 1))
        self.assertEqual(page, [listed[1]])

    def test_bad_names(self) -> None:
        """
        A name that cannot be a topic is refused.
        """
        for name in ("", "x" * 201, "a\nb"):
            self.assertIn(".", str(self.refused(InvalidTopic, name)))
        with self.assertRaisesRegex(TypeError, "The name of a run is 7: give a str"):
            self.runs.resource(7)  # type: ignore[arg-type]

    def test_bad_source(self) -> None:
        """
        What is no source is refused, and nothing begins.
        """
        begun = Deferred.fromCoroutine(self.runs.begin("one", "text"))
        self.turn()

        self.failureResultOf(begun, TypeError)
        self.assertEqual(self.hub.history.tail(9).kept, [])

    def test_ended_topic(self) -> None:
        """
        A topic that has ended without being a run cannot begin.
        """
        self.hub.end("runs/one")
        self.turn()

        self.refused(TopicEnded)

    def test_arguments(self) -> None:
        """
        Every argument is checked at once.
        """
        cases: list[tuple[dict[str, Any], str]] = [
            ({"keep": 0}, "keep"),
            ({"flush": -1}, "flush"),
            ({"linger": 0}, "linger"),
            ({"lease": 0.5}, "lease is 0.5: give seconds, at least 1"),
            ({"prefix": ""}, None),
            ({"prefix": "*\n"}, "topic"),
            ({"prefix": 7}, "prefix is 7: give a str"),
            ({"private": "no"}, "private is 'no': give True or False"),
            ({"max_runs": 0}, "max_runs"),
            ({"max_runs_per_user": 1.5}, "max_runs_per_user"),
            ({"max_bytes": 0}, "max_bytes"),
            ({"max_run": 1}, "no argument max_run: did you mean max_runs"),
        ]
        for options, sentence in cases:
            if sentence is None:
                Runs(self.hub, **options)
                continue
            with self.assertRaisesRegex((TypeError, ValueError), sentence):
                Runs(self.hub, **options)
        with self.assertRaisesRegex(RunsNotKept, "A AbsentHistory cannot keep runs"):
            Runs(Hub(AbsentHistory(), reactor=self.clock))
        with self.assertRaisesRegex(TypeError, "hub is 'hub'"):
            Runs("hub")  # type: ignore[arg-type]


class EndTests(RunCase):
    """
    A run ends once, and its source is closed once.
    """

    def ended(self, outcome: str) -> None:
        """
        Check how the run has ended.
        """
        reader = self.reader()
        self.assertEqual(reader.sink.blocks[-1].json(), {"outcome": outcome})
        self.assertTrue(reader.sink.finished)
        self.assertEqual(len(self.runs), 0)

    def test_done(self) -> None:
        """
        A source that ends ends its run; who waits for that is told.
        """
        run = self.begin()
        waiting = run.ended()
        self.give("x", None)

        self.assertEqual(self.successResultOf(waiting), "done")
        self.assertEqual(self.successResultOf(run.ended()), "done")
        self.assertEqual(self.source.said, ["begun", "closed"])
        self.ended("done")

    def test_waiting(self) -> None:
        """
        Whoever waits for the end need not be held by anybody else; who does not wait any more
        is not told.
        """
        told: list[str] = []

        async def wait() -> None:
            run = await self.runs.begin("one", self.source.items())
            told.append(await run.ended())

        Deferred.fromCoroutine(wait())
        self.turn()
        given_up = self.begin("one").ended()
        given_up.cancel()
        self.failureResultOf(given_up, CancelledError)
        gc.collect()
        self.give(None)

        self.assertEqual(told, ["done"])

    def test_failed(self) -> None:
        """
        A source that raises fails its run; the error is logged.
        """
        run = self.begin()
        self.give("x", ZeroDivisionError("no"))

        self.assertEqual(run.state, "failed")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.ended("failed")

    def test_log(self) -> None:
        """
        The log tells with which event a failed run began, and never its topic.
        """
        with capturedLogs() as logged:
            run = self.begin("secret")
            (begun,) = self.successResultOf(self.runs.list())
            self.give(ZeroDivisionError("no"))
        self.flushLoggedErrors(ZeroDivisionError)

        self.assertEqual(run.state, "failed")
        texts = [eventAsText(one) for one in logged]
        sentence = rf"The source of the run that began with the event \S+-{begun.number} failed"
        self.assertRegex("\n".join(texts), sentence)
        self.assertNotIn("secret", repr(logged) + "".join(texts))

    def test_unwritable(self) -> None:
        """
        So does one that yields what cannot be published.
        """
        run = self.begin(source=["x", ServerSentEvent("y", event="stream-open"), "z"])
        self.turn(0.1)

        self.assertEqual(run.state, "failed")
        self.assertEqual(len(self.flushLoggedErrors(InvalidEvent)), 1)
        self.assertEqual(self.reader().data, ["x"])

    def test_cancelled(self) -> None:
        """
        A run that is cancelled tells its source at its await, once; nothing follows.
        """
        run = self.begin()
        self.give("x")
        cancelling = Deferred.fromCoroutine(run.cancel())
        self.turn(0.1)

        self.successResultOf(cancelling)
        self.assertEqual(self.source.said, ["begun", "cancelled", "closed"])
        self.assertEqual(run.state, "cancelled")
        self.ended("cancelled")
        again = Deferred.fromCoroutine(run.cancel())
        self.turn()
        self.successResultOf(again)

    def test_ended_by_hub(self) -> None:
        """
        A run whose topic somebody ends is over, and its source is cancelled.
        """
        run = self.begin()
        self.hub.end("runs/one", "failed", private=True)
        self.turn(0.1)

        self.assertEqual(run.state, "failed")
        self.assertEqual(self.source.said, ["begun", "cancelled", "closed"])
        self.assertEqual(len(self.runs), 0)

    def test_stubborn(self) -> None:
        """
        What a source yields after it was cancelled is not published.
        """

        async def stubborn() -> AsyncIterator[str]:
            try:
                await Deferred()
            except CancelledError:
                yield "late"

        run = self.begin(source=stubborn())
        Deferred.fromCoroutine(run.cancel())
        self.turn(0.1)

        self.assertEqual(self.reader().data, [])
        self.assertEqual(run.state, "cancelled")

    def test_drained(self) -> None:
        """
        When the hub stops, its runs are interrupted, and their sources are closed first;
        nothing begins any more.
        """
        service = self.hub.service(grace=3, spread=0)
        service.startService()
        run = self.begin()
        reader = self.reader()
        self.give("x")
        stopping = service.stopService()
        self.turn()
        self.clock.pump([0.1] * 30)

        self.successResultOf(stopping)
        self.assertEqual(self.source.said, ["begun", "cancelled", "closed"])
        self.assertEqual(run.state, "interrupted")
        self.assertEqual(reader.sink.blocks[-1].json(), {"outcome": "interrupted"})
        self.refused(HubClosed, "two")

    def test_late(self) -> None:
        """
        Runs of a hub that has begun already are kept alive, too.
        """
        hub, clock = make_hub()
        hub.service().startService()
        renewed: list[list[RunKey]] = []
        self.patch(hub.history, "renew_runs", lambda keys, lease: renewed.append(keys) or [])
        runs = Runs(hub)
        Deferred.fromCoroutine(runs.begin("one", self.source.items()))
        clock.pump([1] * 9)

        self.assertEqual([len(keys) for keys in renewed], [0, 1, 1, 1])

    def test_sync_source(self) -> None:
        """
        A plain generator is closed when its run is cancelled.
        """
        closed: list[bool] = []

        def items() -> Iterator[str]:
            try:
                for _ in range(2):
                    yield "x" * 70_000
                    self.hub.end("runs/one", "cancelled", private=True)
                while True:
                    yield "y" * 70_000
            finally:
                closed.append(True)

        run = self.begin(source=items())
        self.turn(0.1)
        self.turn(0.1)

        self.assertEqual(run.state, "cancelled")
        self.assertEqual(closed, [True])


class FlushTests(RunCase):
    """
    What a source yields is kept together.
    """

    def appended(self) -> list[list[str | None]]:
        """
        The batches that history was given from now on.
        """
        batches: list[list[str | None]] = []
        append = self.hub.history.append

        def note(publications: Any) -> Any:
            batches.append([one.event.data for one in publications])
            return append(publications)

        self.patch(self.hub.history, "append", note)
        return batches

    def test_together(self) -> None:
        """
        The first event after a silence is kept at once, those that follow it together.
        """
        self.begin()
        batches = self.appended()
        for item in "abcd":
            self.source.give(item)
            self.turn()
        self.turn(0.02)
        self.turn(1)
        self.source.give("e")
        self.turn()

        self.assertEqual(batches, [["a"], ["b", "c", "d"], ["e"]])

    def test_size(self) -> None:
        """
        64 KiB are kept at once, and a source that is faster than history waits.
        """
        yielded: list[int] = []

        gate: Deferred[None] = Deferred()

        async def items() -> AsyncIterator[str]:
            await gate
            for number in range(100):
                yielded.append(number)
                yield f"{number} " + "x" * 10_000

        answers: list[Deferred[Any]] = []
        run = self.begin("two", items())
        append = self.hub.history.append

        def slow(publications: Any) -> Any:
            kept = append(publications)
            answers.append(Deferred())
            return answers[-1].addCallback(lambda _: kept)

        self.patch(self.hub.history, "append", slow)
        held = []
        gate.callback(None)
        while run.state != "done":
            self.turn(0.1)
            held.append(len(yielded))
            if answers:
                answers.pop(0).callback(None)

        self.assertLess(held[0], 20)
        self.assertLess(held[1], 30)
        numbers = [(one or "").partition(" ")[0] for one in self.reader("two").data]
        self.assertEqual(numbers, [str(number) for number in range(100)])

    def test_outage(self) -> None:
        """
        While history is away, the source waits; afterward nothing is missing or doubled,
        also if the answer to what was kept was lost.
        """
        store = SharedStore()
        self.hub, self.clock = make_hub(CompleteHistory(store))
        self.runs = Runs(self.hub)
        self.begin()
        self.give("a")
        store.interrupt()
        self.give("b", "c")
        self.turn(1)
        store.resume()
        self.turn(3)
        store.held = True
        self.give("d")
        store.answer_next(PerhapsKept("lost"))
        store.held = False
        self.give("e", None)
        self.turn(1)

        self.assertEqual(self.reader().data, ["a", "b", "c", "d", "e"])


class LimitTests(RunCase):
    """
    How much may go on.
    """

    options = {"max_runs": 3, "max_runs_per_user": 2, "max_bytes": 1000}

    def test_all(self) -> None:
        """
        One more run is refused, unless it can be joined; when one ends, another can begin.
        """
        sources = [Source() for _ in range(3)]
        for number, source in enumerate(sources):
            self.begin(str(number), source.items())
        error = self.refused(TooManyRuns)
        joined = self.begin("1", [])
        sources[0].give(None)
        self.turn(0.1)

        self.assertEqual(str(error), "3 runs go on already: try again later.")
        self.assertTrue(joined.joined)
        self.assertFalse(self.begin("3", []).joined)

    def test_user(self) -> None:
        """
        So is one more of a user.
        """
        for name in "ab":
            self.begin(name, Source().items(), user="ada")

        self.refused(TooManyRunsOfUser, user="ada")
        self.begin("c", Source().items(), user="eve")

    def test_at_once(self) -> None:
        """
        Runs that begin in the same turn count.
        """
        begun = [
            Deferred.fromCoroutine(self.runs.begin(str(number), Source().items()))
            for number in range(5)
        ]
        self.turn()

        for one in begun[:3]:
            self.successResultOf(one)
        for one in begun[3:]:
            self.failureResultOf(one, TooManyRuns)

    def test_bytes(self) -> None:
        """
        A run that yields too much fails.
        """
        run = self.begin(source=["x" * 400] * 9)
        self.turn(0.1)

        self.assertEqual(run.state, "failed")
        (failure,) = self.flushLoggedErrors(ValueError)
        self.assertEqual(str(failure.value), "The run has more than the 1000 bytes of max_bytes")


class LingerTests(RunCase):
    """
    A run without readers.
    """

    options = {"linger": 4}

    def test_left(self) -> None:
        """
        It goes on as long as somebody reads it, and *linger* seconds more.
        """
        run = self.begin()
        reader = self.reader()
        self.clock.pump([1] * 20)
        going_on = run.state
        reader.leave()
        self.clock.pump([1] * 3)
        lingering = run.state
        self.clock.pump([1] * 3)

        self.assertEqual([going_on, lingering, run.state], ["running", "running", "cancelled"])
        self.assertEqual(self.source.said, ["begun", "cancelled", "closed"])

    def test_nobody(self) -> None:
        """
        A run that nobody ever reads is cancelled as well.
        """
        run = self.begin()
        self.clock.pump([1] * 6)

        self.assertEqual(run.state, "cancelled")


class SharedCase(SynchronousTestCase):
    """
    Several hubs that share a history.
    """

    def setUp(self) -> None:
        """
        Make two.
        """
        self.hub, self.clock = make_hub()
        self.store = SharedStore(self.clock)
        self.hubs = [
            Hub(CompleteHistory(self.store), reactor=self.clock, keepalive=None) for _ in range(2)
        ]
        self.runs = [Runs(hub) for hub in self.hubs]
        for hub in self.hubs:
            hub.broker.start()
        self.source = Source()

    def turn(self, seconds: float = 0.0) -> None:
        """
        Let some turns pass.
        """
        self.clock.advance(seconds)
        self.clock.pump([0] * 6)

    def result(self, awaitable: Any) -> Any:
        """
        Wait for *awaitable*.
        """
        waiting = Deferred.fromCoroutine(awaitable)
        self.turn(0.1)
        return self.successResultOf(waiting)


class SharedTests(SharedCase):
    """
    Runs on any of the hubs.
    """

    def test_join(self) -> None:
        """
        A run is joined and followed at any hub.
        """
        first = self.result(self.runs[0].begin("one", self.source.items()))
        second = self.result(self.runs[1].begin("one", ["unread"]))
        grant = Grant(subscribe=["runs/one"])
        reader = Subscriber(self.hubs[1], "runs/one", grant=grant, last_event_id="earliest")
        for item in ("x", None):
            self.source.give(item)
            self.turn(0.1)

        self.assertEqual([first.joined, second.joined], [False, True])
        self.assertEqual([first.state, second.state], ["done", "done"])
        self.assertEqual(reader.data, ["x"])

    def test_cancel_elsewhere(self) -> None:
        """
        Another hub cancels it, and the source is told.
        """
        run = self.result(self.runs[0].begin("one", self.source.items()))
        other = self.result(self.runs[1].get("one"))
        self.result(other.cancel())

        self.assertEqual([run.state, other.state], ["cancelled", "cancelled"])
        self.assertEqual(self.source.said, ["begun", "cancelled", "closed"])

    def test_end_while_asking(self) -> None:
        """
        An end that comes while history is being asked is not overlooked.
        """
        self.result(self.runs[0].begin("one", self.source.items()))
        history: Any = self.hubs[1].history
        stale, waiting = history.find_run("runs/one"), Deferred[Any]()
        with_wait = iter([waiting])
        find = history.find_run
        self.patch(history, "find_run", lambda topic: next(with_wait, None) or find(topic))
        got = Deferred.fromCoroutine(self.runs[1].get("one"))
        self.source.give(None)
        self.turn(0.1)
        waiting.callback(stale)
        self.turn()

        self.assertEqual(self.successResultOf(self.successResultOf(got).ended()), "done")

    def test_dead_owner(self) -> None:
        """
        The run of a dead owner is interrupted within twice the lease.
        """
        self.result(self.runs[0].begin("one", self.source.items()))
        for loop in self.runs[0]._keeper._loops:
            loop.stop()
        other = self.result(self.runs[1].get("one"))
        self.clock.pump([1] * 20)

        self.assertEqual(other.state, "interrupted")

    def test_frozen_owner(self) -> None:
        """
        An owner that was taken for dead can publish no more, and its source is cancelled.
        """
        run = self.result(self.runs[0].begin("one", self.source.items()))
        loops = self.runs[0]._keeper._loops
        for loop in loops:
            loop.stop()
        # It is not delivered the end either.
        self.hubs[0].broker.endings._watchers.clear()
        self.clock.pump([1] * 20)
        before = len(self.store.memory.tail(99).kept)
        self.source.give("late")
        self.turn(0.1)

        self.assertEqual(self.source.said, ["begun", "cancelled", "closed"])
        self.assertEqual(len(self.store.memory.tail(99).kept), before)
        self.assertEqual(len(self.runs[0]), 0)
        self.assertEqual(run.state, "running")

    def test_live_owner(self) -> None:
        """
        As long as its owner lives, a run goes on, however long it is silent.
        """
        run = self.result(self.runs[0].begin("one", self.source.items()))
        self.clock.pump([1] * 100)

        self.assertEqual(run.state, "running")
        self.assertEqual(len(self.runs[0]), 1)

    def test_outage(self) -> None:
        """
        An outage of the store that is longer than the lease interrupts nothing.
        """
        run = self.result(self.runs[0].begin("one", self.source.items()))
        self.store.interrupt()
        self.clock.pump([1] * 60)
        self.store.resume()
        self.clock.pump([1] * 20)

        self.assertEqual(run.state, "running")

    def test_lost_store(self) -> None:
        """
        If the store has lost its data, the source is cancelled.
        """
        self.result(self.runs[0].begin("one", self.source.items()))
        self.store.wipe()
        self.clock.pump([1] * 6)

        self.assertEqual(self.source.said, ["begun", "cancelled", "closed"])
        self.assertEqual(len(self.runs[0]), 0)

    def test_delay(self) -> None:
        """
        A source that waits for a timer is read as well.
        """

        async def items() -> AsyncIterator[str]:
            for item in "ab":
                await deferLater(self.clock, 1)
                yield item

        run = self.result(self.runs[0].begin("one", items()))
        self.clock.pump([0.5] * 8)

        self.assertEqual(run.state, "done")
