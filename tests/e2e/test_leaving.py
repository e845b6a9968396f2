"""
A thousand connections that leave, in every way there is.
"""

import gc
import resource
import signal
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater
from twisted.internet.tcp import Server
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.support.forwarder import reset
from tests.support.waiting import PATIENCE
from twisted_sse import Hub
from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.server.site import HubSite
from twisted_sse.transport.sinks.socket import SocketSink

__all__ = ["LeavingTests"]

# Typed as what it provides, which it does only after it has been chosen.
reactor: Any = _reactor

_CONNECTIONS = 999

# For both ends of each connection, and some more.
_FILES = 2 * _CONNECTIONS + 200


class LeavingTests(TestCase):
    """
    A hub in this process, on the real reactor, with clients in a thread.
    """

    @classmethod
    def setUpClass(cls) -> None:
        """
        Keep who ends this process: the reactor leaves its own handlers behind, with which
        SIGTERM would end nothing.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            cls.addClassCleanup(signal.signal, number, signal.getsignal(number))

    def setUp(self) -> None:
        """
        Serve a hub whose keepalive runs.
        """
        self.allow_files()
        self.hub = Hub(keepalive=15.0, reactor=reactor)
        root = Resource()
        root.putChild(b"events", self.hub.resource())
        self.port = reactor.listenTCP(
            0, HubSite(root, 1024, reactor=reactor), backlog=1024, interface="127.0.0.1"
        )
        self.addCleanup(self.port.stopListening)
        gc.collect()
        self.counted = count_objects()

    def allow_files(self) -> None:
        """
        Raise this process's limit for open files for the time of the test.
        """
        soft, hard = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, _FILES), hard))

    def subscribe(self) -> socket.socket:
        """
        Open a stream, and read until it has begun.  Blocks.
        """
        address = ("127.0.0.1", self.port.getHost().port)
        client = socket.create_connection(address, PATIENCE)
        client.sendall(b"GET /events?topic=news HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = b""
        while b"stream-open" not in received:
            received += client.recv(4096)
        return client

    def subscribe_all(self) -> list[socket.socket]:
        """
        Open all of them.  Blocks.
        """
        return [self.subscribe() for _ in range(_CONNECTIONS)]

    async def until(self, done: Callable[[], bool]) -> None:
        """
        Let the reactor run until *done*, for at most `PATIENCE`.
        """
        deadline = reactor.seconds() + PATIENCE
        while not done() and reactor.seconds() < deadline:
            await deferLater(reactor, 0.02)

    async def come_and_leave(self) -> None:
        """
        Have all of them come, and then leave in all three ways.
        """
        clients = await deferToThread(self.subscribe_all)
        for client in clients:
            self.addCleanup(client.close)
        self.assertEqual(len(self.hub.connections), _CONNECTIONS)
        leave_in_three_ways(clients)
        await self.until(lambda: not len(self.hub.connections))

    async def assert_leaves_nothing(self, load: LoopingCall | None = None) -> None:
        """
        See that the registry is empty after they have left, and that nobody keeps or awaits
        who was there.
        """
        # trial's own delayed call comes after the test's first turn.
        await deferLater(reactor, 0)
        calls = count_delayed_calls()
        if load is not None:
            load.start(0.01)

        await self.come_and_leave()
        if load is not None:
            load.stop()
        # What was published last is delivered in a later turn.
        await self.until(lambda: count_delayed_calls() == calls)

        self.assertEqual(len(self.hub.connections), 0)
        self.assertEqual(count_delayed_calls(), calls)
        self.assertEqual(count_objects(), self.counted)

    def test_leaving(self) -> Deferred[None]:
        """
        A third closed, a third reset, a third half-closed: registry, audiences, requests and
        delayed calls are as before.
        """
        return Deferred.fromCoroutine(self.assert_leaves_nothing())

    def test_no_cycles(self) -> Deferred[None]:
        """
        Nothing of those who have left waits for the garbage collector, which may stay away.
        """
        gc.disable()
        self.addCleanup(gc.enable)
        return Deferred.fromCoroutine(self.assert_leaves_nothing())

    def test_leaving_under_load(self) -> Deferred[None]:
        """
        It is the same while events are published to them.
        """
        load = LoopingCall(self.hub.publish, "news", "x" * 1000)
        return Deferred.fromCoroutine(self.assert_leaves_nothing(load))


def leave_in_three_ways(clients: list[socket.socket]) -> None:
    """
    Close a third, reset a third, and end a third's sending side.
    """
    for closed, aborted, half_closed in zip(
        clients[::3], clients[1::3], clients[2::3], strict=True
    ):
        closed.close()
        reset(aborted)
        half_closed.shutdown(socket.SHUT_WR)


def count_delayed_calls() -> Counter[str]:
    """
    What the reactor has still to do, by name.

    Twisted's HTTPFactory and trial have something there all the time.
    """
    return Counter(call.func.__qualname__ for call in reactor.getDelayedCalls())


def count_objects() -> Counter[type]:
    """
    How many there are of what belongs to a connection.
    """
    kinds = (Audience, Connection, HTTPChannel, Request, Server, SocketSink)
    return Counter(type(each) for each in gc.get_objects() if isinstance(each, kinds))
