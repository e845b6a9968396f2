"""
Health checks.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import AbsentHistory
from tests.support.http import Answer, Served


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
        self._check(served.get("/readyz"), 200, b"ok\n")

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
        self._check(served.get("/readyz"), 200, b"ok\n")
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
