"""
The stream that subscribers read, from its first byte to its last.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from tests.support.history import AbsentHistory, SlowHistory
from tests.support.http import Caller, H2Caller, Served, call
from twisted_sse.connection import Reason
from twisted_sse.errors import HistoryUnavailable, InvalidSelector
from twisted_sse.event import ServerSentEvent
from twisted_sse.grant import Grant
from twisted_sse.history import MemoryHistory
from twisted_sse.hub import Hub
from twisted_sse.publication import Kept, Position, Tail
from twisted_sse.wire import encode

TARGET = "/events?topic=news"


class BrokenHistory(MemoryHistory):
    """
    Has a bug where it should find.
    """

    def since(self, *arguments: object) -> list[Kept]:
        """
        See `IHistoryProvider.since`.
        """
        raise KeyError("a bug")


class UnbegunHistory(MemoryHistory):
    """
    Does not know yet where it ends.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: Deferred[Any] = Deferred()

    def tail(self, limit: int) -> Any:
        """
        See `IHistoryProvider.tail`.
        """
        return self.found


class BeginningTests(SynchronousTestCase):
    """
    Headers, reconnection time, position: at once, before any event.
    """

    def test_headers(self) -> None:
        """
        The headers keep caches, proxies and compressors from touching the stream.
        """
        answer = Served().get(TARGET)

        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("Content-Type"), "text/event-stream")
        self.assertEqual(answer.header("Cache-Control"), "no-store, no-transform")
        self.assertEqual(answer.header("X-Accel-Buffering"), "no")
        self.assertEqual(answer.header("Vary"), "Origin")
        self.assertEqual(answer.header("Transfer-Encoding"), "chunked")
        self.assertIsNone(answer.header("Content-Length"))
        self.assertFalse(answer.ended)

    def test_no_connection_header(self) -> None:
        """
        RFC 9113 forbids the header ``Connection``, and HTTP/1.1 does not need it.
        """
        for version in ("HTTP/1.1", "HTTP/1.0"):
            for headers in ({}, {"Connection": "keep-alive"}):
                with self.subTest(version=version, headers=headers):
                    answer = Served().call("GET", TARGET, headers, version=version).answer

                    self.assertIsNone(answer.header("Connection"))

    def test_first_bytes(self) -> None:
        """
        The reconnection time comes first, then a control event with the position.
        """
        served = Served()
        answer = served.get(TARGET)
        position = served.hub.position.id

        self.assertEqual(
            answer.body,
            b"retry: 3000\n\n"
            + f'event: stream-open\nid: {position}\ndata: {{"resumed":false}}\n\n'.encode(),
        )

    def test_retry(self) -> None:
        """
        The reconnection time is the hub's, and may be left to the browser.
        """
        patient = Served(retry=60_000).get(TARGET)
        silent = Served(retry=None).get(TARGET)

        self.assertEqual(patient.events[0].retry, 60_000)
        self.assertEqual([event.event for event in silent.events], ["stream-open"])

    def test_mercure(self) -> None:
        """
        Mercure's path begins with a block that dispatches nothing.
        """
        served = Served()
        answer = served.get("/.well-known/mercure?topic=news")
        position = served.hub.position.id

        self.assertEqual(answer.body, f"retry: 3000\n\nid: {position}\n\n".encode())
        self.assertEqual(answer.header("Last-Event-ID"), position)

    def test_mercure_events(self) -> None:
        """
        Events are the same there.
        """
        served = Served()
        caller = served.call("GET", "/.well-known/mercure?topic=news")
        served.publish("hello")

        self.assertEqual(caller.answer.events[-1].data, "hello")

    def test_priming(self) -> None:
        """
        An embedded resource begins as it is told.
        """
        served = Served(retry=None)
        for priming, events in (("event", ["stream-open"]), ("block", [None]), (None, [])):
            with self.subTest(priming=priming):
                served.serve(served.hub.resource(priming=priming))  # type: ignore[arg-type]
                answer = served.get("/?topic=news")

                self.assertEqual([event.event for event in answer.events], events)
                self.assertEqual(answer.status, 200)

    def test_http_1_0(self) -> None:
        """
        HTTP/1.0 knows no chunks: the stream is the body until the connection ends.
        """
        served = Served()
        caller = served.call("GET", TARGET, version="HTTP/1.0")
        served.publish("hello")

        self.assertIsNone(caller.answer.header("Transfer-Encoding"))
        self.assertEqual(caller.answer.events[-1].data, "hello")


class HeadTests(SynchronousTestCase):
    """
    ``HEAD``.
    """

    def test_headers_only(self) -> None:
        """
        It has the headers of the stream and no body, it ends, and nobody is registered.
        """
        served = Served()
        caller = served.call("HEAD", TARGET)
        answer = caller.answer

        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("Content-Type"), "text/event-stream")
        self.assertEqual(answer.header("Cache-Control"), "no-store, no-transform")
        self.assertEqual(answer.header("X-Accel-Buffering"), "no")
        self.assertEqual(answer.header("Vary"), "Origin")
        self.assertTrue(caller.transport.value().endswith(b"\r\n\r\n"))
        self.assertEqual(len(served.hub.connections), 0)

    def test_next_request(self) -> None:
        """
        The network connection serves the next request.
        """
        caller = Served().call("HEAD", TARGET)
        caller.ask("GET", "/healthz")

        self.assertEqual([answer.status for answer in caller.answers], [200, 200])

    def test_http2(self) -> None:
        """
        The same over HTTP/2.
        """
        served = Served()
        caller = H2Caller(served.site, served.clock)
        answer = caller.answer(caller.ask("HEAD", TARGET))

        self.assertEqual(answer.header("Content-Type"), "text/event-stream")
        self.assertEqual((answer.body, answer.ended), (b"", True))
        self.assertEqual(len(served.hub.connections), 0)


class FlowTests(SynchronousTestCase):
    """
    Events as they come.
    """

    def test_events(self) -> None:
        """
        What is published arrives, in order, with its IDs.
        """
        served = Served()
        caller = served.call("GET", TARGET)
        ids = served.publish("one", "two")
        events = caller.answer.events[2:]

        self.assertEqual([event.data for event in events], ["one", "two"])
        self.assertEqual([event.id for event in events], ids)

    def test_one_chunk_a_turn(self) -> None:
        """
        All events of a turn leave as one chunk.
        """
        served = Served()
        caller = served.call("GET", TARGET)
        caller.transport.clear()
        served.publish("x", "y", id="1")
        frames = encode(ServerSentEvent("x", id="1")) + encode(ServerSentEvent("y", id="1"))

        self.assertEqual(caller.transport.value(), b"%x\r\n%b\r\n" % (len(frames), frames))

    def test_keepalive(self) -> None:
        """
        After 15 silent seconds a comment is sent, and none before.
        """
        served = Served()
        caller = served.call("GET", TARGET)
        caller.transport.clear()
        served.clock.pump([0.1] * 149)
        early = caller.transport.value()
        served.clock.pump([0.1] * 3)

        self.assertEqual(early, b"")
        self.assertEqual(caller.transport.value(), b"3\r\n:\n\n\r\n")

    def test_registered(self) -> None:
        """
        A subscriber is found in the registry, with what is known of it, until it leaves.
        """
        served = Served(authorize=lambda request: Grant("ada", public=True))
        caller = served.call("GET", TARGET)
        (connection,) = served.hub.connections

        self.assertEqual(connection.user, "ada")
        self.assertEqual(connection.topics.exact, {"news"})
        self.assertEqual(connection.address, caller.transport.getPeer())

        caller.leave()

        self.assertEqual(len(served.hub.connections), 0)

    def test_paused(self) -> None:
        """
        Nothing is written while the transport is full; then all that was missed comes.
        """
        served = Served()
        caller = served.call("GET", TARGET)
        caller.stop_reading()
        caller.transport.clear()
        served.publish("one", "two")
        served.clock.advance(30)
        meanwhile = caller.transport.value()
        caller.read_on()
        served.clock.advance(0)

        self.assertEqual(meanwhile, b"")
        self.assertIn(b"data: one\n", caller.transport.value())
        self.assertIn(b"data: two\n", caller.transport.value())

    def test_fixed_topics(self) -> None:
        """
        A resource with topics of its own needs none in the query, and heeds none there.
        """
        served = Served()
        served.serve(served.hub.subscribe("a", "b"))
        caller = served.call("GET", "/?topic=c")
        for topic in ("a", "b", "c"):
            served.publish(topic, topic=topic)

        self.assertEqual([event.data for event in caller.answer.events[2:]], ["a", "b"])

    def test_bad_fixed_topics(self) -> None:
        """
        A bad selector of the application's own is found when the resource is made.
        """
        for topics in ([], ["{"], [""]):
            with self.subTest(topics=topics), self.assertRaises(InvalidSelector):
                Served().hub.resource(topics=topics)


class LimitTests(SynchronousTestCase):
    """
    When there is no room.
    """

    def test_connections(self) -> None:
        """
        One more than the limit gets 503, and a place that becomes free is given away.
        """
        served = Served(max_connections=1)
        first = served.call("GET", TARGET)
        refused = served.get(TARGET)
        first.leave()
        after = served.get(TARGET)

        self.assertEqual((refused.status, after.status), (503, 200))
        self.assertEqual(refused.header("Retry-After"), "5")
        self.assertIn("limit of 1", refused.detail)

    def test_connections_of_address(self) -> None:
        """
        One more from an address than it may have gets 429.
        """
        served = Served(max_connections_per_address=1)
        first = served.call("GET", TARGET)
        refused = served.get(TARGET)
        first.leave()
        after = served.get(TARGET)

        self.assertEqual((refused.status, after.status), (429, 200))
        self.assertEqual(refused.header("Retry-After"), "5")

    def test_too_many_after_a_while(self) -> None:
        """
        The limit is answered as well if the grant comes later.
        """

        async def authorize(request: Request) -> Grant:
            return Grant(public=True)

        served = Served(authorize=authorize, max_connections_per_address=1)
        served.call("GET", TARGET)

        self.assertEqual(served.get(TARGET).status, 429)

    def test_closed(self) -> None:
        """
        A hub that stops takes nobody in.
        """
        served = Served()
        served.hub.close_doors()
        answer = served.get(TARGET)

        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.header("Retry-After"), "5")


class HistoryTests(SynchronousTestCase):
    """
    When history cannot say where a stream begins.
    """

    RESUMING = {"Last-Event-ID": "elsewhere-1"}

    def test_unavailable(self) -> None:
        """
        A resume gets 503, without a word of where history is, and is not registered; who is fresh
        is served.
        """
        history = AbsentHistory(away=False)
        served = Served(history)
        served.hub.start()
        history.away = True
        refused = served.get(TARGET, self.RESUMING)

        self.assertEqual(refused.status, 503)
        self.assertEqual(refused.header("Retry-After"), "5")
        self.assertEqual(refused.header("Content-Type"), "application/problem+json")
        self.assertIn("try again in a few seconds", refused.detail)
        self.assertEqual(len(served.hub.connections), 0)
        self.assertEqual(served.get(TARGET).status, 200)

    def test_never_there(self) -> None:
        """
        Nobody is served before history was there once, and then everybody is.
        """
        history = AbsentHistory()
        served = Served(history)
        refused = served.get(TARGET)
        history.away = False
        served_later = served.get(TARGET)

        self.assertEqual((refused.status, served_later.status), (503, 200))
        self.assertEqual(len(served.hub.connections), 1)

    def test_bug(self) -> None:
        """
        A bug in history is logged and answered with 500, and nobody is registered.
        """
        served = Served(BrokenHistory())
        answer = served.get(TARGET, self.RESUMING)

        self.assertEqual(answer.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual(len(served.hub.connections), 0)

    def test_http2(self) -> None:
        """
        The refusal of a resume over HTTP/2.
        """
        history = AbsentHistory(away=False)
        served = Served(history)
        served.hub.start()
        history.away = True
        caller = H2Caller(served.site, served.clock)
        answer = caller.answer(caller.ask("GET", TARGET, [("last-event-id", "elsewhere-1")]))

        self.assertEqual(answer.status, 503)
        self.assertTrue(answer.ended)


class LeavingTests(SynchronousTestCase):
    """
    A client that leaves while history is asked.
    """

    def test_before_answer(self) -> None:
        """
        Nothing stays registered, and history's answer disturbs nobody.
        """
        history = SlowHistory(MemoryHistory())
        served = Served(history)
        caller = served.call("GET", TARGET, {"Last-Event-ID": "elsewhere-1"})
        waiting = len(served.hub.connections)
        caller.leave()
        left = len(served.hub.connections)
        history.answer_next()

        self.assertEqual((waiting, left), (1, 0))
        self.assertEqual(caller.transport.value(), b"")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_before_newest(self) -> None:
        """
        The same while the hub itself has not begun.
        """
        for result in (Tail(Position(0, "e-0"), []), Failure(HistoryUnavailable("It is away."))):
            with self.subTest(result=result):
                history = UnbegunHistory()
                served = Served(history)
                caller = served.call("GET", TARGET)
                caller.leave()
                left = len(served.hub.connections)
                history.found.callback(result)

                self.assertEqual(left, 0)
                self.assertEqual(len(served.hub.connections), 0)
                self.assertEqual(self.flushLoggedErrors(), [])

    def test_others_stay(self) -> None:
        """
        Who waits for the same answer of history gets it, although another has left.
        """
        history = SlowHistory(MemoryHistory())
        served = Served(history)
        leaving, staying = (
            served.call("GET", TARGET, {"Last-Event-ID": "elsewhere-1"}) for _ in range(2)
        )
        leaving.leave()
        history.answer_next()

        self.assertEqual(staying.answer.status, 200)
        self.assertEqual(staying.answer.events[1].event, "stream-reset")


class EndTests(SynchronousTestCase):
    """
    Streams that the application ends.
    """

    def _served(self) -> tuple[Served, Caller]:
        served = Served()
        return served, served.call("GET", TARGET)

    def test_last_chunk(self) -> None:
        """
        The stream ends with the final event and the last chunk, and nobody is registered.
        """
        served, caller = self._served()
        (connection,) = served.hub.connections
        connection.close(final=ServerSentEvent("bye", event="end"))
        answer = caller.answer

        self.assertEqual((answer.events[-1].data, answer.events[-1].event), ("bye", "end"))
        self.assertTrue(answer.ended)
        self.assertEqual(len(served.hub.connections), 0)

    def test_without_final(self) -> None:
        """
        The final event may be left out.
        """
        served, caller = self._served()
        (connection,) = served.hub.connections
        connection.close()

        self.assertEqual(len(caller.answer.events), 2)
        self.assertTrue(caller.answer.ended)

    def test_keep_alive(self) -> None:
        """
        The network connection then serves another request, and another stream.
        """
        served, caller = self._served()
        (connection,) = served.hub.connections
        connection.close()
        caller.ask("GET", "/healthz")
        caller.ask("GET", TARGET)
        served.publish("hello")
        first, health, second = caller.answers

        self.assertTrue(first.ended)
        self.assertEqual(health.body, b"ok\n")
        self.assertEqual(second.events[-1].data, "hello")
        self.assertEqual(len(first.events), 2)

    def test_pipelined(self) -> None:
        """
        A request that was sent during the stream is answered after it.
        """
        served, caller = self._served()
        caller.ask("GET", "/healthz")
        served.publish("hello")
        before = len(caller.answers)
        (connection,) = served.hub.connections
        connection.close()
        stream, health = caller.answers

        self.assertEqual(before, 1)
        self.assertEqual(stream.events[-1].data, "hello")
        self.assertEqual(health.body, b"ok\n")

    def test_pipelined_stream(self) -> None:
        """
        A second stream follows the first on the same network connection.
        """
        served, caller = self._served()
        caller.ask("GET", "/events?topic=other")
        (connection,) = served.hub.connections
        connection.close()
        served.publish("hello", topic="other")
        first, second = caller.answers

        self.assertTrue(first.ended)
        self.assertEqual(second.events[-1].data, "hello")
        self.assertEqual(len(served.hub.connections), 1)

    def test_disconnect_user(self) -> None:
        """
        All streams of a user end, and those of others go on.
        """
        served = Served(authorize=lambda request: Grant(request.getHeader("X-User"), public=True))
        ada = [served.call("GET", TARGET, {"X-User": "ada"}) for _ in range(2)]
        bob = served.call("GET", TARGET, {"X-User": "bob"})
        served.hub.disconnect("ada", final=ServerSentEvent("bye"))
        served.publish("hello")

        self.assertEqual([caller.answer.events[-1].data for caller in ada], ["bye", "bye"])
        self.assertEqual([caller.answer.ended for caller in ada], [True, True])
        self.assertEqual(bob.answer.events[-1].data, "hello")

    def test_http_1_0(self) -> None:
        """
        The end of an HTTP/1.0 stream is the end of its network connection.
        """
        served = Served()
        caller = served.call("GET", TARGET, version="HTTP/1.0")
        (connection,) = served.hub.connections
        connection.close(final=ServerSentEvent("bye"))

        self.assertEqual(caller.answer.events[-1].data, "bye")
        self.assertFalse(caller.transport.connected)

    def test_abort(self) -> None:
        """
        A stream that is aborted takes its network connection with it.
        """
        served, caller = self._served()
        (connection,) = served.hub.connections
        connection.cut(Reason.STUCK)

        self.assertFalse(caller.transport.connected)
        self.assertFalse(caller.answer.ended)
        self.assertEqual(len(served.hub.connections), 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_close_before_open(self) -> None:
        """
        A subscriber that is let go before history has answered gets its end all the same.
        """
        history = SlowHistory(MemoryHistory())
        served = Served(history)
        caller = served.call("GET", TARGET, {"Last-Event-ID": "elsewhere-1"})
        (connection,) = served.hub.connections
        connection.close()
        history.answer_next()

        self.assertEqual(len(served.hub.connections), 0)
        self.assertTrue(caller.answer.ended)


class HTTP2Tests(SynchronousTestCase):
    """
    Streams over HTTP/2, which has no chunks.
    """

    def setUp(self) -> None:
        """
        Have a site and a network connection to it.
        """
        self.served = Served()
        self.caller = H2Caller(self.served.site, self.served.clock)

    def test_stream(self) -> None:
        """
        The headers and frames are those of HTTP/1.1, without the chunks.
        """
        stream = self.caller.ask("GET", TARGET)
        self.served.publish("hello", id="7")
        answer = self.caller.answer(stream)

        self.assertEqual(answer.header("Content-Type"), "text/event-stream")
        self.assertEqual(answer.header("Cache-Control"), "no-store, no-transform")
        self.assertIsNone(answer.header("Connection"))
        self.assertIsNone(answer.header("Transfer-Encoding"))
        self.assertTrue(answer.body.endswith(b"\n\nid: 7\ndata: hello\n\n"))

    def test_several(self) -> None:
        """
        Several streams share a network connection, each with its own topics.
        """
        first = self.caller.ask("GET", "/events?topic=a")
        second = self.caller.ask("GET", "/events?topic=b")
        self.served.publish("for a", topic="a")
        self.served.publish("for b", topic="b")

        self.assertEqual(self.caller.answer(first).events[-1].data, "for a")
        self.assertEqual(self.caller.answer(second).events[-1].data, "for b")

    def test_resume(self) -> None:
        """
        A stream resumes by the header.
        """
        ids = self.served.publish("one", "two")
        stream = self.caller.ask("GET", TARGET, [("last-event-id", ids[0])])

        self.assertEqual([e.data for e in self.caller.answer(stream).events[2:]], ["two"])

    def test_cancel(self) -> None:
        """
        A reset HTTP/2 stream leaves the registry; the others go on.
        """
        leaving = self.caller.ask("GET", TARGET)
        staying = self.caller.ask("GET", TARGET)
        self.caller.cancel(leaving)
        self.served.publish("hello")

        self.assertEqual(len(self.served.hub.connections), 1)
        self.assertEqual(self.caller.answer(staying).events[-1].data, "hello")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_close(self) -> None:
        """
        A stream that is closed ends after its final event; the next request is served.
        """
        stream = self.caller.ask("GET", TARGET)
        (connection,) = self.served.hub.connections
        connection.close(final=ServerSentEvent("bye"))
        answer = self.caller.answer(stream)
        health = self.caller.answer(self.caller.ask("GET", "/healthz"))

        self.assertEqual((answer.events[-1].data, answer.ended), ("bye", True))
        self.assertEqual(health.status, 200)

    def test_abort(self) -> None:
        """
        An aborted stream ends alone, and leaves the registry.
        """
        self.caller.ask("GET", TARGET)
        (connection,) = self.served.hub.connections
        connection.cut(Reason.STUCK)
        health = self.caller.answer(self.caller.ask("GET", "/healthz"))

        self.assertEqual(len(self.served.hub.connections), 0)
        self.assertEqual(health.status, 200)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_lost(self) -> None:
        """
        All streams leave with their network connection.
        """
        for _ in range(3):
            self.caller.ask("GET", TARGET)
        self.caller.transport.loseConnection()

        self.assertEqual(len(self.served.hub.connections), 0)


class EmbeddedTests(SynchronousTestCase):
    """
    A hub's resource in a site of somebody else's.
    """

    def test_plain_site(self) -> None:
        """
        It needs no site of ours.
        """
        served = Served()
        root = Resource()
        root.putChild(b"feed", served.hub.subscribe("news"))
        caller = call(Site(root, reactor=served.clock), "GET", "/feed")
        served.publish("hello")

        self.assertEqual(caller.answer.events[-1].data, "hello")

    def test_own_headers(self) -> None:
        """
        What the application has put on the response stays there.
        """
        served = Served()

        class Page(Resource):
            def getChild(self, path: bytes, request: Request) -> Resource:
                headers: Headers = request.responseHeaders
                headers.setRawHeaders("X-Frame-Options", ["DENY"])
                headers.setRawHeaders("Vary", ["Cookie"])
                return served.hub.subscribe("news")

        caller = call(Site(Page(), reactor=served.clock), "GET", "/feed")
        vary = [value for name, value in caller.answer.headers if name == "vary"]

        self.assertEqual(caller.answer.header("X-Frame-Options"), "DENY")
        self.assertEqual(vary, ["Cookie", "Origin"])

    def test_two_hubs(self) -> None:
        """
        Two hubs in one site know nothing of each other.
        """
        served = Served()
        other = Hub(reactor=served.clock)
        root = Resource()
        root.putChild(b"one", served.hub.subscribe("news"))
        root.putChild(b"two", other.subscribe("news"))
        site = Site(root, reactor=served.clock)
        one, two = (call(site, "GET", f"/{name}") for name in ("one", "two"))
        served.publish("hello")

        self.assertEqual(one.answer.events[-1].data, "hello")
        self.assertEqual(len(two.answer.events), 2)
