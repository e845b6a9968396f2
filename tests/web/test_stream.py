"""
The stream that subscribers read, from its first byte to its last.
"""

import gc
from typing import Any
from weakref import ref

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from tests.support.history import AbsentHistory, SlowHistory
from tests.support.http import Caller, H2Caller, Served, call
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.errors import (
    Forbidden,
    HistoryUnavailable,
    InvalidSelector,
    NoContent,
    Unauthorized,
)
from twisted_sse.events.codec import encode
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Record, Tail
from twisted_sse.history import MemoryHistory
from twisted_sse.hub import Hub
from twisted_sse.web.auth import BearerTokens

TARGET = "/events?topic=news"


class BrokenHistory(MemoryHistory):
    """
    Raises KeyError in `since`.
    """

    def since(self, *arguments: object) -> list[Record]:
        """
        See `IHistoryProvider.since`.
        """
        raise KeyError("a bug")


class UnbegunHistory(MemoryHistory):
    """
    Does not know its newest record yet.
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
    Headers, reconnection time and position are sent at once, before any event.
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
        The first event has the reconnection time and the position, and tells the name of the
        connection.
        """
        served = Served()
        answer = served.get(TARGET)
        position = served.hub.broker.position.id
        (connection,) = served.hub.connections

        data = f'{{"resumed":false,"keepalive":15,"connection":"{connection.name}"}}'
        expected = f"event: stream-open\nretry: 3000\nid: {position}\ndata: {data}\n\n"
        self.assertEqual(answer.body, expected.encode())

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
        Mercure's path begins with a block that dispatches no event.
        """
        served = Served()
        served.publish("before")
        answer = served.get("/.well-known/mercure?topic=news")
        position = served.hub.broker.position.id

        self.assertEqual(answer.body, f"retry: 3000\nid: {position}\n\n".encode())
        self.assertEqual(answer.header("Last-Event-ID"), position)

    def test_mercure_events(self) -> None:
        """
        Events are the same on Mercure's path.
        """
        served = Served()
        caller = served.call("GET", "/.well-known/mercure?topic=news")
        served.publish("hello")

        self.assertEqual(caller.answer.events[-1].data, "hello")

    def test_priming(self) -> None:
        """
        An embedded resource uses the priming it was given.
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
        HTTP/1.0 has no chunks: the stream is the body until the connection ends.
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
        It has the headers of the stream and no body, it ends, and no connection is registered.
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

    def test_position(self) -> None:
        """
        It tells where the stream would start, as ``GET`` does, to those who may know.
        """
        served = Served()
        for data in ("1", "2"):
            served.hub.publish("a", data)
        served.hub.publish("a", "3", id="hidden", private=True)
        served.clock.advance(0)
        earlier = served.hub.broker.position.id
        asked: list[dict[str, str]] = [
            {},
            {"Last-Event-ID": earlier},
            {"Last-Event-ID": "earliest"},
        ]
        for headers in asked:
            with self.subTest(headers):
                head, get = (
                    served.call(method, TARGET, headers).answer.header("Last-Event-ID")
                    for method in ("HEAD", "GET")
                )
                self.assertEqual(head, get)

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
    Events as they are published.
    """

    def test_events(self) -> None:
        """
        Published events arrive in order, with their IDs.
        """
        served = Served()
        caller = served.call("GET", TARGET)
        ids = served.publish("one", "two")
        events = caller.answer.events[1:]

        self.assertEqual([event.data for event in events], ["one", "two"])
        self.assertEqual([event.id for event in events], ids)

    def test_one_chunk_a_turn(self) -> None:
        """
        All events of a turn are sent as one chunk.
        """
        served = Served()
        caller = served.call("GET", TARGET)
        caller.transport.clear()
        served.publish("x", "y", id="1")
        frames = encode(ServerSentEvent("x", id="1")) + encode(ServerSentEvent("y", id="1"))

        self.assertEqual(caller.transport.value(), b"%x\r\n%b\r\n" % (len(frames), frames))

    def test_keepalive(self) -> None:
        """
        A comment is sent after 15 silent seconds, and not earlier.
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
        A subscriber is in the registry, with its attributes, until it leaves.
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
        Nothing is written while the transport is full; then all missed events follow.
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
        A resource with fixed topics ignores those in the query.
        """
        served = Served()
        served.serve(served.hub.subscribe("a", "b"))
        caller = served.call("GET", "/?topic=c")
        for topic in ("a", "b", "c"):
            served.publish(topic, topic=topic)

        self.assertEqual([event.data for event in caller.answer.events[1:]], ["a", "b"])

    def test_bad_fixed_topics(self) -> None:
        """
        A bad selector is refused when the resource is made.
        """
        for topics in ([], ["{"], [""]):
            with self.subTest(topics=topics), self.assertRaises(InvalidSelector):
                Served().hub.resource(topics=topics)


class LimitTests(SynchronousTestCase):
    """
    Connections over a limit.
    """

    def test_connections(self) -> None:
        """
        A connection over the limit gets 503; when one leaves, another is admitted.
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
        A connection over the limit of its address gets 429.
        """
        served = Served(max_connections_per_address=1)
        first = served.call("GET", TARGET)
        refused = served.get(TARGET)
        first.leave()
        after = served.get(TARGET)

        self.assertEqual((refused.status, after.status), (429, 200))
        self.assertEqual(refused.header("Retry-After"), "5")

    def test_later_grant(self) -> None:
        """
        The limit applies, too, if the grant comes later.
        """

        async def authorize(request: Request) -> Grant:
            return Grant(public=True)

        served = Served(authorize=authorize, max_connections_per_address=1)
        served.call("GET", TARGET)

        self.assertEqual(served.get(TARGET).status, 429)

    def test_closed(self) -> None:
        """
        A stopping hub admits no connections.
        """
        served = Served()
        served.hub.broker.stop_accepting()
        answer = served.get(TARGET)

        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.header("Retry-After"), "5")


class HistoryTests(SynchronousTestCase):
    """
    When history cannot tell where a stream begins.
    """

    RESUMING = {"Last-Event-ID": "elsewhere-1"}

    def test_unavailable(self) -> None:
        """
        A resume waits: with headers and keepalive comments, until history can tell; who is
        fresh is served.
        """
        history = AbsentHistory(away=False)
        served = Served(history, keepalive=15.0)
        served.hub.broker.start()
        history.away = True
        waiting = served.call("GET", TARGET, self.RESUMING)

        self.assertEqual(waiting.answer.status, 200)
        self.assertEqual(waiting.answer.header("Content-Type"), "text/event-stream")
        self.assertIsNone(waiting.answer.header("Last-Event-ID"))
        self.assertEqual(waiting.answer.body, b"retry: 3000\n\n")
        self.assertEqual(served.get(TARGET).status, 200)
        for _ in range(16):
            served.clock.advance(1)
        self.assertEqual(waiting.answer.body, b"retry: 3000\n\n:\n\n")
        history.away = False
        served.clock.advance(1)
        self.assertEqual([one.event for one in waiting.answer.events[2:]], ["stream-reset"])

    def test_without_retry(self) -> None:
        """
        The headers leave at once although there is nothing to send yet.
        """
        served = Served(AbsentHistory(), retry=None)
        waiting = served.call("GET", TARGET)

        self.assertEqual((waiting.answer.status, waiting.answer.body), (200, b""))

    def test_never_there(self) -> None:
        """
        A subscriber that comes before history was there once waits for it too.
        """
        history = AbsentHistory()
        served = Served(history)
        waiting = served.call("GET", TARGET)
        history.away = False
        served_later = served.get(TARGET)
        served.clock.advance(1)

        self.assertEqual((waiting.answer.status, served_later.status), (200, 200))
        self.assertEqual(waiting.answer.events[-1].event, "stream-open")
        self.assertEqual(len(served.hub.connections), 2)

    def test_another_hub(self) -> None:
        """
        Another hub gets 503, without a word of where history is, and is not registered: it
        knows to come back.
        """
        history = AbsentHistory(away=False)
        served = Served(history, authorize=BearerTokens(["a-hub's"]))
        served.hub.broker.start()
        history.away = True
        bearer = {"Authorization": "Bearer a-hub's", **self.RESUMING}
        refused = served.get("/events?topic=*&annotate=comment", bearer)

        self.assertEqual(refused.status, 503)
        self.assertEqual(refused.header("Retry-After"), "5")
        self.assertIn("try again in a few seconds", refused.detail)
        self.assertEqual(len(served.hub.connections), 0)

    def test_bug(self) -> None:
        """
        A bug in history is logged and answered with 500, and no connection is registered.
        """
        served = Served(BrokenHistory())
        answer = served.get(TARGET, self.RESUMING)

        self.assertEqual(answer.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual(len(served.hub.connections), 0)

    def test_http2(self) -> None:
        """
        A resume waits over HTTP/2.
        """
        history = AbsentHistory(away=False)
        served = Served(history)
        served.hub.broker.start()
        history.away = True
        caller = H2Caller(served.site, served.clock)
        stream = caller.ask("GET", TARGET, [("last-event-id", "elsewhere-1")])
        self.assertEqual(caller.answer(stream).status, 200)
        history.away = False
        served.clock.advance(1)
        answer = caller.answer(stream)

        self.assertEqual([one.event for one in answer.events[1:]], ["stream-reset"])
        self.assertFalse(answer.ended)


class LeavingTests(SynchronousTestCase):
    """
    Clients that leave while history is read.
    """

    def test_before_answer(self) -> None:
        """
        No connection stays registered, and history's answer has no effect.
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
        The same while the hub itself is still starting.
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
        Another subscriber that waits for the same answer still gets it.
        """
        history = SlowHistory(MemoryHistory())
        served = Served(history)
        leaving, staying = (
            served.call("GET", TARGET, {"Last-Event-ID": "elsewhere-1"}) for _ in range(2)
        )
        leaving.leave()
        history.answer_next()

        self.assertEqual(staying.answer.status, 200)
        self.assertEqual(staying.answer.events[0].event, "stream-reset")


class EndTests(SynchronousTestCase):
    """
    Streams that the application ends.
    """

    def _served(self) -> tuple[Served, Caller]:
        served = Served()
        return served, served.call("GET", TARGET)

    def test_last_chunk(self) -> None:
        """
        The stream ends with the final event and the last chunk, and leaves the registry.
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
        The final event is optional.
        """
        served, caller = self._served()
        (connection,) = served.hub.connections
        connection.close()

        self.assertEqual(len(caller.answer.events), 1)
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
        self.assertEqual(len(first.events), 1)

    def test_pipelined(self) -> None:
        """
        A request sent during the stream is answered after it.
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
        All streams of a user end, and those of others continue.
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
        The end of an HTTP/1.0 stream closes its network connection.
        """
        served = Served()
        caller = served.call("GET", TARGET, version="HTTP/1.0")
        (connection,) = served.hub.connections
        connection.close(final=ServerSentEvent("bye"))

        self.assertEqual(caller.answer.events[-1].data, "bye")
        self.assertFalse(caller.transport.connected)

    def test_abort(self) -> None:
        """
        An aborted stream closes its network connection.
        """
        served, caller = self._served()
        (connection,) = served.hub.connections
        connection.abort(EndReason.SEND_TIMEOUT)

        self.assertFalse(caller.transport.connected)
        self.assertFalse(caller.answer.ended)
        self.assertEqual(len(served.hub.connections), 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_close_before_open(self) -> None:
        """
        A stream that is closed before history has answered still gets its end.
        """
        history = SlowHistory(MemoryHistory())
        served = Served(history)
        caller = served.call("GET", TARGET, {"Last-Event-ID": "elsewhere-1"})
        (connection,) = served.hub.connections
        connection.close()
        history.answer_next()

        self.assertEqual(len(served.hub.connections), 0)
        self.assertTrue(caller.answer.ended)


class ExpiresTests(SynchronousTestCase):
    """
    Grants that expire.
    """

    def setUp(self) -> None:
        """
        A hub whose grants expire after a minute.
        """
        self.served = Served(authorize=self._authorize, keepalive=None)
        self.expires = 60.0

    def _authorize(self, request: Request) -> Grant:
        return Grant("ada", public=True, expires=self.expires, state={"path": request.path})

    def test_expires(self) -> None:
        """
        The stream ends in good order, and a returning subscriber is authorized again.
        """
        caller = self.served.call("GET", TARGET)
        (connection,) = self.served.hub.connections
        self.served.clock.advance(60)
        self.expires = 120.0
        caller.ask("GET", TARGET)
        first, second = caller.answers

        self.assertEqual(connection.ended, EndReason.EXPIRED)
        self.assertEqual((first.ended, second.ended), (True, False))
        self.assertEqual(second.status, 200)

    def test_expired(self) -> None:
        """
        A grant that has already expired gets 401, for ``HEAD`` too.
        """
        self.served.clock.advance(60)
        answer = self.served.get(TARGET)
        head = self.served.call("HEAD", TARGET).answer

        self.assertEqual((answer.status, head.status), (401, 401))
        self.assertIn("has expired", answer.detail)
        self.assertEqual(len(self.served.hub.connections), 0)

    def test_before_it_began(self) -> None:
        """
        A stream whose grant expires before it begins does not begin.
        """
        history = SlowHistory(MemoryHistory())
        self.served = Served(history, authorize=self._authorize, keepalive=None)
        caller = self.served.call("GET", TARGET, {"Last-Event-ID": "elsewhere-1"})
        self.served.clock.advance(60)
        history.answer_next()

        self.assertEqual(caller.answer.status, 503)
        self.assertEqual(len(self.served.hub.connections), 0)

    def test_state(self) -> None:
        """
        The connection begins with the grant's state.
        """
        self.served.call("GET", TARGET)
        (connection,) = self.served.hub.connections

        self.assertEqual(connection.state, {"path": b"/events"})

    def test_http2(self) -> None:
        """
        The same over HTTP/2; the network connection stays.
        """
        caller = H2Caller(self.served.site, self.served.clock)
        stream = caller.ask("GET", TARGET)
        self.served.clock.advance(60)

        self.assertTrue(caller.answer(stream).ended)
        self.assertEqual(caller.answer(caller.ask("GET", "/healthz")).status, 200)


class GrantChangedTests(SynchronousTestCase):
    """
    Grants that change during their streams.
    """

    ADA = {"X-User": "ada"}

    def setUp(self) -> None:
        """
        A hub whose users' readable topics can change.
        """
        self.served = Served()
        self.readable: dict[str, list[str] | Exception] = {"ada": ["a", "b"], "bob": ["a"]}
        self.served.serve(self.served.hub.resource(authorize=self._authorize))

    def _authorize(self, request: Request) -> Grant:
        user = request.getHeader("X-User")
        readable = self.readable[user or ""]
        if isinstance(readable, Exception):
            raise readable
        return Grant(user, subscribe=readable)

    def _publish(self, *data: str) -> None:
        for one in data:
            self.served.publish(one, topic=one[0], private=True)

    def _data(self, caller: Caller) -> list[str | None]:
        return [event.data for event in caller.answer.events[1:]]

    def test_topics(self) -> None:
        """
        The request that opened a stream is authorized again, and the stream follows the answer.
        """
        ada, bob = (self.served.call("GET", "/?topic=*", {"X-User": u}) for u in ("ada", "bob"))
        self._publish("a1", "b1")
        self.readable = {"ada": ["b"], "bob": ["b"]}
        self.successResultOf(self.served.hub.grant_changed("ada"))
        self._publish("a2", "b2")

        self.assertEqual(self._data(ada), ["a1", "b1", "b2"])
        self.assertEqual(self._data(bob), ["a1", "a2"])

    def test_refused(self) -> None:
        """
        A stream that would no longer be admitted ends with its last chunk.
        """
        for error in (Unauthorized("Log in."), Forbidden("No."), NoContent("Never.")):
            with self.subTest(error=error):
                self.readable["ada"] = ["a"]
                caller = self.served.call("GET", "/?topic=a", self.ADA)
                (connection,) = self.served.hub.connections
                self.readable["ada"] = error
                self.served.hub.grant_changed("ada")
                self._publish("a1")

                self.assertTrue(caller.answer.ended)
                self.assertEqual(self._data(caller), [])
                self.assertEqual(connection.ended, EndReason.REVOKED)

    def test_nothing_left(self) -> None:
        """
        A stream whose topics may no longer be read ends: a new one would get 403.
        """
        caller = self.served.call("GET", "/?topic=a", self.ADA)
        self.readable["ada"] = ["b"]
        self.served.hub.grant_changed("ada")

        self.assertTrue(caller.answer.ended)
        self.assertEqual(self.served.call("GET", "/?topic=a", self.ADA).answer.status, 403)

    def test_resumes(self) -> None:
        """
        A returning subscriber gets the missed events that its grant now allows.
        """
        self._publish("b0", "a1", "b1")
        self.readable["ada"] = ["b"]
        headers = {**self.ADA, "Last-Event-ID": "earliest"}
        caller = self.served.call("GET", "/?topic=*", headers)

        self.assertEqual(self._data(caller), ["b0", "b1"])

    def test_before_it_began(self) -> None:
        """
        A stream that has not begun begins with the new grant, or is refused.
        """
        history = SlowHistory(MemoryHistory())
        self.served = Served(history)
        self.served.serve(self.served.hub.resource(authorize=self._authorize))
        headers = {**self.ADA, "Last-Event-ID": "elsewhere-1"}
        staying = self.served.call("GET", "/?topic=*", headers)
        self.readable["ada"] = ["b"]
        self.served.hub.grant_changed("ada")
        for _ in range(3):
            history.answer_next()
            self.served.clock.advance(0)
        leaving = self.served.call("GET", "/?topic=*", headers)
        self.readable["ada"] = Forbidden("No.")
        self.served.hub.grant_changed("ada")
        history.answer_next()

        self.assertEqual(staying.answer.events[0].event, "stream-reset")
        self.assertTrue(staying.answer.ended)
        self.assertEqual(leaving.answer.status, 503)

    def test_later(self) -> None:
        """
        The answer may come later, and be a refusal.
        """
        answers: list[Deferred[Grant]] = []

        async def authorize(request: Request) -> Grant:
            answers.append(Deferred())
            return await answers[-1]

        self.served.serve(self.served.hub.resource(authorize=authorize))
        ada = self.served.call("GET", "/?topic=a")
        answers[0].callback(Grant("ada", subscribe=["a"]))
        changed = self.served.hub.grant_changed("ada")
        self._publish("a1")
        self.assertNoResult(changed)
        # None of the topics asked for may be read now.
        answers[1].callback(Grant("ada", subscribe=["b"]))

        self.successResultOf(changed)
        self.assertEqual(self._data(ada), ["a1"])
        self.assertTrue(ada.answer.ended)

    def test_overtaken(self) -> None:
        """
        A subscriber that is admitted while its grant changes is authorized again.
        """
        answers: list[Deferred[Grant]] = []

        def authorize(request: Request) -> Deferred[Grant]:
            answers.append(Deferred())
            return answers[-1]

        self.served.serve(self.served.hub.resource(authorize=authorize))
        ada = self.served.call("GET", "/?topic=*")
        self.served.hub.grant_changed("ada")
        answers[0].callback(Grant("ada", subscribe=["a", "b"]))
        answers[1].callback(Grant("ada", subscribe=["b"]))
        self._publish("a1", "b1")

        self.assertEqual(self._data(ada), ["b1"])

    def test_leaves_while_asked(self) -> None:
        """
        A client that leaves while its request is authorized leaves nothing behind.
        """
        cancelled: list[Deferred[Grant]] = []
        asked: Deferred[Grant] = Deferred(cancelled.append)
        self.served.serve(self.served.hub.resource(authorize=lambda request: asked))
        self.served.call("GET", "/?topic=*").leave()

        self.assertEqual(cancelled, [asked])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_replicated(self) -> None:
        """
        Another hub's stream ends when it may no longer read every topic.
        """
        self.readable["ada"] = ["*"]
        caller = self.served.call("GET", "/?topic=*&annotate=comment", self.ADA)
        begun = caller.answer.status
        self.readable["ada"] = ["a"]
        self.served.hub.grant_changed("ada")

        self.assertEqual(begun, 200)
        self.assertTrue(caller.answer.ended)

    def test_http2(self) -> None:
        """
        The same over HTTP/2.
        """
        caller = H2Caller(self.served.site, self.served.clock)
        stream = caller.ask("GET", "/?topic=*", [("x-user", "ada")])
        self.readable["ada"] = ["b"]
        self.served.hub.grant_changed("ada")
        self._publish("a1", "b1")
        moved = [event.data for event in caller.answer(stream).events[1:]]
        self.readable["ada"] = Forbidden("No.")
        self.served.hub.grant_changed("ada")

        self.assertEqual(moved, ["b1"])
        self.assertTrue(caller.answer(stream).ended)

    def test_released(self) -> None:
        """
        Nothing is kept of a request whose stream has ended.
        """
        requests: list[ref[Request]] = []

        def authorize(request: Request) -> Grant:
            requests.append(ref(request))
            return Grant("ada", public=True)

        self.served.serve(self.served.hub.resource(authorize=authorize))
        self.served.call("GET", "/?topic=*")
        self.served.hub.disconnect("ada")
        gc.collect()

        self.assertEqual([request() for request in requests], [None])


class HTTP2Tests(SynchronousTestCase):
    """
    Streams over HTTP/2, which has no chunks.
    """

    def setUp(self) -> None:
        """
        A site, and a network connection to it.
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

        self.assertEqual([e.data for e in self.caller.answer(stream).events[1:]], ["two"])

    def test_cancel(self) -> None:
        """
        A reset HTTP/2 stream leaves the registry; the others continue.
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
        A closed stream ends after its final event; the next request is served.
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
        connection.abort(EndReason.SEND_TIMEOUT)
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
    A hub's resource in another site.
    """

    def test_plain_site(self) -> None:
        """
        It works in a plain `twisted.web.server.Site`.
        """
        served = Served()
        root = Resource()
        root.putChild(b"feed", served.hub.subscribe("news"))
        caller = call(Site(root, reactor=served.clock), "GET", "/feed")
        served.publish("hello")

        self.assertEqual(caller.answer.events[-1].data, "hello")

    def test_own_headers(self) -> None:
        """
        Headers that the application has set on the response are kept.
        """
        served = Served()

        class ReplayPage(Resource):
            def getChild(self, path: bytes, request: Request) -> Resource:
                headers: Headers = request.responseHeaders
                headers.setRawHeaders("X-Frame-Options", ["DENY"])
                headers.setRawHeaders("Vary", ["Cookie"])
                return served.hub.subscribe("news")

        caller = call(Site(ReplayPage(), reactor=served.clock), "GET", "/feed")
        vary = [value for name, value in caller.answer.headers if name == "vary"]

        self.assertEqual(caller.answer.header("X-Frame-Options"), "DENY")
        self.assertEqual(vary, ["Cookie", "Origin"])

    def test_two_hubs(self) -> None:
        """
        Two hubs in one site are independent.
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
        self.assertEqual(len(two.answer.events), 1)
