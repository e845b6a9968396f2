"""
Error responses by RFC 9457.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import H2Caller, Served
from twisted_sse import errors
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.web.problem import Problem


class ProblemTests(SynchronousTestCase):
    """
    The answers to errors.
    """

    STATUS = [
        (errors.InvalidEvent("x"), 400, None),
        (errors.InvalidSelector("x"), 400, None),
        (errors.InvalidTopic("x"), 400, None),
        (errors.Unauthorized("x"), 401, None),
        (errors.Forbidden("x"), 403, None),
        (errors.TooManyConnectionsFromAddress("x"), 429, "5"),
        (errors.HistoryUnavailable("x"), 503, "5"),
        (errors.HubClosed("x"), 503, "5"),
        (errors.TooManyConnections("x"), 503, "5"),
        (Problem(418, "x"), 418, None),
    ]

    def _raising(self, error: Exception) -> Served:
        def authorize(request: object) -> Grant:
            raise error

        return Served(authorize=authorize)

    def test_status(self) -> None:
        """
        Each error has its status, and temporary ones have ``Retry-After``, in seconds.
        """
        for error, status, retry_after in self.STATUS:
            with self.subTest(error=type(error)):
                answer = self._raising(error).get("/events?topic=news")

                self.assertEqual(answer.status, status)
                self.assertEqual(answer.header("Retry-After"), retry_after)
                self.assertEqual(answer.json["status"], status)

    def test_shape(self) -> None:
        """
        A problem is JSON with title, status and detail; caches must not store it.
        """
        answer = self._raising(errors.Forbidden("Nicht für dich.")).get("/events?topic=news")

        self.assertEqual(
            answer.json, {"title": "Forbidden", "status": 403, "detail": "Nicht für dich."}
        )
        self.assertEqual(answer.header("Content-Type"), "application/problem+json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertEqual(answer.header("Content-Length"), str(len(answer.body)))

    def test_own_headers(self) -> None:
        """
        An application's own problem may have headers.
        """
        problem = Problem(451, "The court says no.", {"Link": "<https://court.example>"})
        answer = self._raising(problem).get("/events?topic=news")

        self.assertEqual(answer.status, 451)
        self.assertEqual(answer.header("Link"), "<https://court.example>")

    def test_status_line(self) -> None:
        """
        The status line has the name of the status, newer ones included.
        """
        for error, line in (
            (errors.Forbidden("x"), b"HTTP/1.1 403 Forbidden\r\n"),
            (errors.TooManyConnectionsFromAddress("x"), b"HTTP/1.1 429 Too Many Requests\r\n"),
        ):
            with self.subTest(line=line):
                caller = self._raising(error).call("GET", "/events?topic=news")

                self.assertTrue(caller.transport.value().startswith(line))

    def test_head(self) -> None:
        """
        HEAD has the headers of the error and no body.
        """
        caller = self._raising(errors.Forbidden("No.")).call("HEAD", "/events?topic=news")

        self.assertEqual(caller.answer.status, 403)
        self.assertEqual(caller.answer.header("Content-Type"), "application/problem+json")
        self.assertTrue(caller.transport.value().endswith(b"\r\n\r\n"))

    def test_http2(self) -> None:
        """
        The same over HTTP/2.
        """
        served = self._raising(errors.HistoryUnavailable("The store is away."))
        caller = H2Caller(served.site, served.clock)
        answer = caller.answer(caller.ask("GET", "/events?topic=news"))

        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.header("Retry-After"), "5")
        self.assertNotIn("store", answer.detail)
        self.assertTrue(answer.ended)

    def test_keep_alive(self) -> None:
        """
        After an error the network connection serves the next request.
        """
        caller = Served().call("GET", "/events")
        caller.ask("GET", "/healthz")

        self.assertEqual([answer.status for answer in caller.answers], [400, 200])
