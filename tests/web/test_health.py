"""
Health checks.
"""

from collections.abc import Sequence

from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.history import AbsentHistory
from tests.support.http import Answer, Served
from tests.support.shared import SharedMemoryHistory, SharedStore
from twisted_sse import Hub
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import ICheckedHistory, IHistoryProvider

__all__ = ["FollowingTests", "HealthTests", "ReasonTests", "StartTests", "WritingTests"]


class _FullHistory(MemoryHistory):
    """
    Keeps nothing while it is full.
    """

    full = False

    def append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        """
        See `IHistoryProvider.append`.
        """
        self._refuse()
        return super().append(publications)

    def _refuse(self) -> None:
        if self.full:
            raise HistoryUnavailable("The disk is full.")


@implementer(ICheckedHistory)
class _CheckedHistory(_FullHistory):
    """
    Says that it is full.
    """

    def check_available(self) -> None:
        """
        See `ICheckedHistory.check_available`.
        """
        self._refuse()


class HealthTests(SynchronousTestCase):
    """
    ``/healthz`` and ``/readyz``.
    """

    def _check(self, answer: Answer, status: int, body: bytes) -> None:
        self.assertEqual(answer.status, status)
        self.assertEqual(answer.body, body)
        self.assertEqual(answer.header("Content-Type"), "text/plain; charset=utf-8")
        self.assertEqual(answer.header("Cache-Control"), "no-store")

    def test_running(self) -> None:
        """
        A hub that has started is healthy and ready.
        """
        served = Served()
        served.hub.broker.start()

        self._check(served.get("/healthz"), 200, b"ok\n")
        self.assertEqual(served.get("/readyz").status, 200)

    def test_head(self) -> None:
        """
        HEAD has the same status and no body.
        """
        caller = Served().call("HEAD", "/healthz")

        self.assertEqual(caller.answer.status, 200)
        self.assertTrue(caller.transport.value().endswith(b"\r\n\r\n"))

    def test_not_started(self) -> None:
        """
        A hub that has not started is healthy, and starts when its readiness is checked.
        """
        served = Served()

        self._check(served.get("/healthz"), 200, b"ok\n")
        self.assertFalse(served.hub.broker.ready)
        self.assertEqual(served.get("/readyz").status, 200)
        self.assertTrue(served.hub.broker.ready)

    def test_history_away(self) -> None:
        """
        A hub is not ready while its history is unavailable, at the start or later.
        """
        history = AbsentHistory()
        served = Served(history)
        for _ in range(2):
            self.assertEqual(served.get("/readyz").status, 503)
            history.away = False
            self.assertEqual(served.get("/readyz").status, 200)
            history.away = True

    def test_history_fails(self) -> None:
        """
        A hub is not ready while its history fails unexpectedly, and the failure is logged.
        """
        served = Served()
        served.hub.broker.start()
        served.hub.history.tail = lambda limit: 1 / 0  # type: ignore[assignment]

        self.assertEqual(served.get("/readyz").status, 503)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_draining(self) -> None:
        """
        A hub that is stopping is healthy but not ready, so that it gets no new subscribers.
        """
        served = Served()
        served.hub.broker.start()
        served.hub.broker.stop_accepting()

        self.assertEqual(served.get("/healthz").status, 200)
        self.assertEqual(served.get("/readyz").status, 503)

    def test_other_methods(self) -> None:
        """
        Other methods are refused.
        """
        answer = Served().call("POST", "/healthz").answer

        self.assertEqual(answer.status, 405)
        self.assertIn("GET", answer.header("Allow") or "")

    def test_no_authorization(self) -> None:
        """
        Health checks need no token.
        """
        served = Served(authorize=lambda request: self.fail("it was asked"))

        self.assertEqual(served.get("/healthz").status, 200)


class ReasonTests(SynchronousTestCase):
    """
    What ``/readyz`` says.
    """

    def problems(self, served: Served) -> list[tuple[str, str]]:
        """
        Return what is wrong, and check the rest of the answer.
        """
        answer = served.get("/readyz")
        found = [(one["part"], one["detail"]) for one in answer.json["problems"]]

        self.assertEqual(answer.json["ready"], not found)
        self.assertEqual(answer.status, 503 if found else 200)
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        return found

    def test_ready(self) -> None:
        """
        Nothing is wrong.
        """
        self.assertEqual(self.problems(Served()), [])

    def test_reading(self) -> None:
        """
        A history that is away; the answer does not say where it is.
        """
        served = Served(AbsentHistory())

        expected = [("reading", "The event history cannot be read now.")]
        self.assertEqual(self.problems(served), expected)

    def test_writing(self) -> None:
        """
        A history that keeps nothing.
        """
        history = _CheckedHistory()
        history.full = True

        expected = [("writing", "Publications cannot be kept now.")]
        self.assertEqual(self.problems(Served(history)), expected)

    def test_stopping(self) -> None:
        """
        A hub that is told to stop.
        """
        served = Served()
        served.hub.broker.leaving = True

        self.assertEqual(self.problems(served), [("stopping", "The hub is about to stop.")])

    def test_failing(self) -> None:
        """
        A history with an error, which the log has.
        """
        served = Served()
        served.hub.broker.start()
        served.hub.history.tail = lambda limit: 1 / 0  # type: ignore[assignment]

        self.assertEqual([part for part, _ in self.problems(served)], ["reading"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class StartTests(SynchronousTestCase):
    """
    ``/startupz``.
    """

    def test_started(self) -> None:
        """
        It answers 503 until history has answered once, and 200 from then on.
        """
        history = AbsentHistory()
        served = Served(history)
        self.assertEqual(served.get("/startupz").status, 503)

        history.away = False
        self.assertEqual(served.get("/startupz").status, 200)

        history.away = True
        self.assertEqual((served.get("/startupz").status, served.get("/readyz").status), (200, 503))


class WritingTests(SynchronousTestCase):
    """
    ``/readyz`` while history answers, but keeps nothing.
    """

    def _serve(self, history: IHistoryProvider) -> Served:
        served = Served(history)
        served.hub.broker.start()
        return served

    def _publish(self, served: Served) -> None:
        done = served.hub.publish("a", "x")
        served.clock.advance(0)
        done.addErrback(lambda failure: failure.trap(HistoryUnavailable) and None)

    def test_refused(self) -> None:
        """
        A hub is not ready after a history has refused a publication that cannot be asked,
        until a publication is kept, or some seconds have passed; the log has a line for both.
        """
        history = _FullHistory()
        with capturedLogs() as events:
            served = self._serve(history)
            for recover in (lambda: self._publish(served), lambda: served.clock.advance(10)):
                history.full = True
                for _ in range(3):
                    self._publish(served)
                    self.assertEqual(served.get("/readyz").status, 503)
                history.full = False
                recover()
                self.assertEqual(served.get("/readyz").status, 200)
            self._publish(served)

        self.assertEqual(
            [formatEvent(one) for one in events if "kept" in (one["log_format"] or "")],
            2
            * [
                "Publications are not kept: The disk is full.",
                "Publications are kept again; the reason was: The disk is full.",
            ],
        )

    def test_asked(self) -> None:
        """
        A history that can be asked decides, even before anything is published.
        """
        history = _CheckedHistory()
        served = self._serve(history)
        statuses = []
        for history.full in (False, True, False):
            statuses.append(served.get("/readyz").status)

        self.assertEqual(statuses, [200, 503, 200])
        self.assertEqual(served.get("/healthz").status, 200)


class FollowingTests(SynchronousTestCase):
    """
    ``/readyz`` of a hub that shares its history.
    """

    def test_lag(self) -> None:
        """
        A hub is ready when what other hubs have kept arrives within a second, else not; the
        log has one line for the beginning, and one for the end.
        """
        clock = Clock()
        store = SharedStore(clock)
        store.prompt = False
        history, other = SharedMemoryHistory(store), SharedMemoryHistory(store)
        hub = Hub(history, keepalive=None, reactor=clock)
        hub.broker.start()
        other.append([Publication(("a",), ServerSentEvent("x"))])
        with capturedLogs() as events:
            in_time = hub.broker.readiness.examine()
            self.assertNoResult(in_time)
            history.deliver_next(1)
            self.assertEqual(self.successResultOf(in_time), [])
            other.append([Publication(("a",), ServerSentEvent("y"))])
            for _ in range(3):
                late = hub.broker.readiness.examine()
                clock.advance(1)
                self.assertEqual([one.part for one in self.successResultOf(late)], ["following"])
            history.deliver_next(1)
            self.assertEqual(self.successResultOf(hub.broker.readiness.examine()), [])

        self.assertEqual(
            [one["log_level"] for one in events if "arrive" in (one["log_format"] or "")],
            [LogLevel.warn, LogLevel.info],
        )
