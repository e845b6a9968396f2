"""
What every resource does: methods, authorization of three kinds, and errors.
"""

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request

from tests.support.http import H2Caller, Served
from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.errors import Forbidden, NoContent
from twisted_sse.web.cors import CORS
from twisted_sse.web.resource import Authorize

TARGET = "/events?topic=news"


class MethodTests(SynchronousTestCase):
    """
    Which methods there are.
    """

    def test_not_allowed(self) -> None:
        """
        405 lists what is allowed.
        """
        for method in ("PUT", "DELETE", "PATCH", "get", "NONSENSE"):
            with self.subTest(method=method):
                answer = Served().call(method, TARGET).answer

                self.assertEqual(answer.status, 405)
                self.assertEqual(answer.header("Allow"), "GET, HEAD, POST, QUERY, OPTIONS")
                self.assertEqual(answer.header("Content-Type"), "application/problem+json")
                self.assertIn("GET, HEAD, POST, QUERY, OPTIONS", answer.detail)

    def test_embedded(self) -> None:
        """
        A resource that is embedded takes no publications.
        """
        served = Served()
        served.serve(served.hub.resource())
        answer = served.call("POST", "/?topic=news").answer

        self.assertEqual(answer.status, 405)
        self.assertEqual(answer.header("Allow"), "GET, HEAD, QUERY, OPTIONS")

    def test_not_authorized_first(self) -> None:
        """
        Nobody is asked to authorize what does not exist.
        """
        served = Served(authorize=lambda request: self.fail("it was asked"))

        self.assertEqual(served.call("PUT", TARGET).answer.status, 405)


class AuthorizeTests(SynchronousTestCase):
    """
    A plain function, one that returns a `Deferred`, and a coroutine function.
    """

    def _kinds(self, result: Grant | Exception) -> list[Authorize]:
        def plain(request: Request) -> Grant:
            if isinstance(result, Exception):
                raise result
            return result

        def deferred(request: Request) -> Deferred[Grant]:
            return fail(result) if isinstance(result, Exception) else succeed(result)

        async def coroutine(request: Request) -> Grant:
            return plain(request)

        async def waiting(request: Request) -> Grant:
            return await deferred(request)

        return [plain, deferred, coroutine, waiting]

    def test_granted(self) -> None:
        """
        Each may let in, and names the user.
        """
        for authorize in self._kinds(Grant("ada", public=True)):
            with self.subTest(authorize=authorize):
                served = Served(authorize=authorize)
                answer = served.get(TARGET)

                self.assertEqual(answer.status, 200)
                self.assertEqual(len(served.hub.connections.of_user("ada")), 1)

    def test_refused(self) -> None:
        """
        Each may refuse.
        """
        for authorize in self._kinds(Forbidden("Not today.")):
            with self.subTest(authorize=authorize):
                served = Served(authorize=authorize)
                answer = served.get(TARGET)

                self.assertEqual(answer.status, 403)
                self.assertEqual(answer.detail, "Not today.")
                self.assertEqual(len(served.hub.connections), 0)

    def test_no_content(self) -> None:
        """
        Each may end the stream for good: 204 without a body, which no cache may keep.
        """
        for authorize in self._kinds(NoContent()):
            with self.subTest(authorize=authorize):
                served = Served(authorize=authorize)
                answer = served.get(TARGET)

                self.assertEqual((answer.status, answer.body, answer.ended), (204, b"", True))
                self.assertEqual(answer.header("Cache-Control"), "no-store")
                self.assertIsNone(answer.header("Content-Type"))
                self.assertEqual(len(served.hub.connections), 0)

    def test_no_content_for_other_origins(self) -> None:
        """
        A web page of another origin may see the 204; ``HEAD`` is answered alike.
        """
        served = Served()
        (authorize, *_) = self._kinds(NoContent())
        served.serve(served.hub.resource(authorize, CORS("https://example.com")))
        for method in ("GET", "HEAD"):
            with self.subTest(method=method):
                headers = {"Origin": "https://example.com"}
                answer = served.call(method, "/?topic=news", headers).answer

                origin = answer.header("Access-Control-Allow-Origin")
                self.assertEqual((answer.status, origin), (204, "https://example.com"))

    def test_no_content_http2(self) -> None:
        """
        The same over HTTP/2.
        """
        (authorize, *_) = self._kinds(NoContent())
        served = Served(authorize=authorize)
        caller = H2Caller(served.site, served.clock)
        answer = caller.answer(caller.ask("GET", TARGET))

        self.assertEqual((answer.status, answer.body, answer.ended), (204, b"", True))

    def test_no_content_for_publishers(self) -> None:
        """
        Who wants to publish is refused: 204 would say that it was done.
        """
        for authorize in self._kinds(NoContent("Closed.")):
            with self.subTest(authorize=authorize):
                served = Served(authorize=authorize)
                answer = served.post("application/x-www-form-urlencoded", b"topic=news&data=")

                self.assertEqual((answer.status, answer.detail), (403, "Closed."))
                self.assertEqual(served.hub.broker.position.number, 0)

    def test_bug(self) -> None:
        """
        A bug is logged and answered with 500, which does not tell strangers what it is.
        """
        for authorize in self._kinds(KeyError("secret-column")):
            with self.subTest(authorize=authorize):
                served = Served(authorize=authorize)
                answer = served.get(TARGET)

                self.assertEqual(answer.status, 500)
                self.assertEqual(answer.header("Content-Type"), "application/problem+json")
                self.assertNotIn(b"secret-column", answer.body)
                self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
                self.assertEqual(len(served.hub.connections), 0)

    def test_nothing_returned(self) -> None:
        """
        A function that forgets to return a grant lets nobody in.
        """
        served = Served(authorize=lambda request: None)  # type: ignore[arg-type, return-value]
        answer = served.get(TARGET)

        self.assertEqual(answer.status, 500)
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.assertEqual(len(served.hub.connections), 0)

    def test_cancelled_elsewhere(self) -> None:
        """
        A cancellation that is not ours is a bug like any other: it is logged.
        """
        served = Served(authorize=lambda request: fail(CancelledError()))
        answer = served.get(TARGET)

        self.assertEqual(answer.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(CancelledError)), 1)

    def test_sees_the_request(self) -> None:
        """
        What is asked gets the request, with its headers.
        """
        served = Served(authorize=lambda request: Grant(request.getHeader("X-User"), public=True))
        served.get(TARGET, {"X-User": "ada"})

        self.assertEqual([one.user for one in served.hub.connections], ["ada"])

    def test_publishing(self) -> None:
        """
        A grant that comes later lets publish as one that comes at once.
        """
        for authorize in self._kinds(Grant("ada", publish=["news"])):
            with self.subTest(authorize=authorize):
                served = Served(authorize=authorize)
                answer = served.post("application/x-www-form-urlencoded", b"topic=news&data=")

                self.assertEqual(answer.status, 200)


class LeavingTests(SynchronousTestCase):
    """
    A client that leaves while it is being authorized.
    """

    def setUp(self) -> None:
        """
        Have a site that is asked, and waits.
        """
        self.cancelled: list[object] = []
        self.waiting: Deferred[Grant] = Deferred(self.cancelled.append)
        self.served = Served(authorize=lambda request: self.waiting)

    def test_waits(self) -> None:
        """
        Nothing is answered, and nobody is registered, before the grant comes.
        """
        caller = self.served.call("GET", TARGET)

        self.assertEqual(caller.transport.value(), b"")
        self.assertEqual(len(self.served.hub.connections), 0)

        self.waiting.callback(ANONYMOUS)

        self.assertEqual(caller.answer.status, 200)
        self.assertEqual(len(self.served.hub.connections), 1)

    def test_cancelled(self) -> None:
        """
        What is waited for is cancelled, nothing is registered, and nothing is logged.
        """
        caller = self.served.call("GET", TARGET)
        caller.leave()

        self.assertEqual(self.cancelled, [self.waiting])
        self.assertEqual(len(self.served.hub.connections), 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_cancelled_publisher(self) -> None:
        """
        What a publisher who left wanted to publish is not published.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        caller = self.served.call("POST", "/events", headers, b"topic=news&data=x")
        caller.leave()

        self.assertEqual(self.cancelled, [self.waiting])
        self.assertEqual(self.served.hub.broker.position.number, 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_coroutine(self) -> None:
        """
        A coroutine that waits is cancelled where it waits, and can clean up.
        """
        cleaned_up: list[bool] = []

        async def authorize(request: Request) -> Grant:
            try:
                return await self.waiting
            finally:
                cleaned_up.append(True)

        served = Served(authorize=authorize)
        served.call("GET", TARGET).leave()

        self.assertEqual(cleaned_up, [True])
        self.assertEqual(len(served.hub.connections), 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_grant_after_all(self) -> None:
        """
        A coroutine that grants although it was cancelled lets nobody in.
        """

        async def authorize(request: Request) -> Grant:
            try:
                return await self.waiting
            except Exception:
                return ANONYMOUS

        served = Served(authorize=authorize)
        served.call("GET", TARGET).leave()

        self.assertEqual(len(served.hub.connections), 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_grant_too_late(self) -> None:
        """
        The same if it grants some time later.
        """
        later: Deferred[None] = Deferred()

        async def authorize(request: Request) -> Grant:
            try:
                return await self.waiting
            except Exception:
                await later
                return ANONYMOUS

        served = Served(authorize=authorize)
        served.call("GET", TARGET).leave()
        later.callback(None)

        self.assertEqual(len(served.hub.connections), 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_http2(self) -> None:
        """
        A reset HTTP/2 stream counts as leaving.
        """
        caller = H2Caller(self.served.site, self.served.clock)
        caller.cancel(caller.ask("GET", TARGET))

        self.assertEqual(self.cancelled, [self.waiting])
        self.assertEqual(len(self.served.hub.connections), 0)
        self.assertEqual(self.flushLoggedErrors(), [])
