"""
A thousand connections that their clients close, reset or half-close.
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

# Any, because the module provides the reactor's interfaces only once it is installed.
reactor: Any = _reactor

_CONNECTIONS = 999

# Two for each connection, and some more.
_FILES = 2 * _CONNECTIONS + 200


class LeavingTests(TestCase):
    """
    A hub in this process, on the real reactor, with clients in a thread.
    """

    @classmethod
    def setUpClass(cls) -> None:
        """
        Restore the signal handlers afterwards: the reactor leaves its own ones behind, and
        with them SIGTERM would not end this process.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            cls.addClassCleanup(signal.signal, number, signal.getsignal(number))

    def setUp(self) -> None:
        """
        Serve a hub with a keepalive.
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
        Raise this process's limit for open files during the test.
        """
        soft, hard = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, _FILES), hard))

    def subscribe(self) -> socket.socket:
        """
        Open a stream, and read its first event.  Blocks.
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
        Open all streams.  Blocks.
        """
        return [self.subscribe() for _ in range(_CONNECTIONS)]

    async def until(self, done: Callable[[], bool]) -> None:
        """
        Let the reactor run until *done* returns true, at most for `PATIENCE`.
        """
        deadline = reactor.seconds() + PATIENCE
        while not done() and reactor.seconds() < deadline:
            await deferLater(reactor, 0.02)

    async def come_and_leave(self) -> None:
        """
        Open all connections, and end them in the three ways.
        """
        clients = await deferToThread(self.subscribe_all)
        for client in clients:
            self.addCleanup(client.close)
        self.assertEqual(len(self.hub.connections), _CONNECTIONS)
        leave_in_three_ways(clients)
        await self.until(lambda: not len(self.hub.connections))

    async def assert_leaves_nothing(self, load: LoopingCall | None = None) -> None:
        """
        Assert that the connections leave nothing behind: no entry in the registry, no
        delayed call, no object.
        """
        # trial schedules a call of its own after the test's first turn.
        await deferLater(reactor, 0)
        calls = count_delayed_calls()
        if load is not None:
            load.start(0.01)

        await self.come_and_leave()
        if load is not None:
            load.stop()
        # The last events are delivered in a later turn.
        await self.until(lambda: count_delayed_calls() == calls)

        self.assertEqual(len(self.hub.connections), 0)
        self.assertEqual(count_delayed_calls(), calls)
        self.assertEqual(count_objects(), self.counted)

    def test_leaving(self) -> Deferred[None]:
        """
        After a third is closed, a third reset and a third half-closed, the registry, the
        audiences, the requests and the delayed calls are as before.
        """
        return Deferred.fromCoroutine(self.assert_leaves_nothing())

    def test_no_cycles(self) -> Deferred[None]:
        """
        Closed connections are freed without the garbage collector.
        """
        gc.disable()
        self.addCleanup(gc.enable)
        return Deferred.fromCoroutine(self.assert_leaves_nothing())

    def test_leaving_under_load(self) -> Deferred[None]:
        """
        The same while events are published to the connections.
        """
        load = LoopingCall(self.hub.publish, "news", "x" * 1000)
        return Deferred.fromCoroutine(self.assert_leaves_nothing(load))


def leave_in_three_ways(clients: list[socket.socket]) -> None:
    """
    Close a third of *clients*, reset a third, and half-close a third.
    """
    for closed, aborted, half_closed in zip(
        clients[::3], clients[1::3], clients[2::3], strict=True
    ):
        closed.close()
        reset(aborted)
        half_closed.shutdown(socket.SHUT_WR)


def count_delayed_calls() -> Counter[str]:
    """
    Count the reactor's delayed calls by name.

    There are always some, of Twisted's HTTPFactory and of trial.
    """
    return Counter(call.func.__qualname__ for call in reactor.getDelayedCalls())


def count_objects() -> Counter[type]:
    """
    Count the objects that belong to connections, by type.
    """
    kinds = (Audience, Connection, HTTPChannel, Request, Server, SocketSink)
    return Counter(type(each) for each in gc.get_objects() if isinstance(each, kinds))
