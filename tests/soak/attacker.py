"""
A hostile client: opens connections as fast as it can, and others that never get anywhere.

Runs as a process of its own until its standard input is closed, and then prints what it
has done, as JSON.
"""

import contextlib
import json
import os
import resource
import selectors
import socket
import ssl
import sys
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from itertools import cycle

__all__ = ["FLOOD", "HALF_HANDSHAKES", "HALF_HEADERS"]

#: The three kinds of connections.
FLOOD, HALF_HEADERS, HALF_HANDSHAKES = "flood", "half headers", "half handshakes"

# The most connections of the flood that are open at once; the oldest are closed.
_FLOOD_OPEN = 1500

# How many connections are begun between two looks at the others.
_AT_ONCE = 50


class Attacker:
    """
    Attacks a hub on this machine from other loopback addresses.

    Args:
        plain: A port without TLS.

        tls: A port with TLS.

        held: How many half requests, and how many half handshakes, are open at any time.

        addresses: How many addresses each of the three kinds comes from.
    """

    def __init__(self, plain: int, tls: int, held: int, addresses: int) -> None:
        self.noted: Counter[str] = Counter()
        self._ports = {FLOOD: plain, HALF_HEADERS: plain, HALF_HANDSHAKES: tls}
        self._first = {
            FLOOD: b"",
            HALF_HEADERS: b"GET /events?topic=news HTTP/1.1\r\nHost: a\r\nX-Never: ends",
            HALF_HANDSHAKES: _client_hello()[:100],
        }
        self._most = {FLOOD: _FLOOD_OPEN, HALF_HEADERS: held, HALF_HANDSHAKES: held}
        self._open: dict[str, OrderedDict[socket.socket, None]] = {
            kind: OrderedDict() for kind in self._ports
        }
        self._sources: dict[str, Iterator[str]] = {
            kind: cycle(f"127.{2 + index}.{n // 250}.{1 + n % 250}" for n in range(addresses))
            for index, kind in enumerate(self._ports)
        }
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """
        Attack until standard input is closed.
        """
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for kind in (HALF_HEADERS, HALF_HANDSHAKES):
                missing = self._most[kind] - len(self._open[kind])
                for _ in range(min(_AT_ONCE, missing)):
                    self._connect(kind)
            for _ in range(_AT_ONCE):
                self._connect(FLOOD)
            for key, events in self._selector.select(0):
                if key.fileobj is sys.stdin:
                    return
                self._ready(key, events)

    def _connect(self, kind: str) -> None:
        mine = self._open[kind]
        if len(mine) >= self._most[kind]:
            oldest, _ = mine.popitem(last=False)
            self._selector.unregister(oldest)
            oldest.close()
        client = socket.socket()
        client.setblocking(False)
        try:
            client.bind((next(self._sources[kind]), 0))
            client.connect_ex(("127.0.0.1", self._ports[kind]))
        except OSError:
            # No port is left for a moment.
            client.close()
            time.sleep(0.01)
            return
        self.noted[f"{kind}: opened"] += 1
        mine[client] = None
        events = selectors.EVENT_READ | selectors.EVENT_WRITE
        self._selector.register(client, events, kind)

    def _ready(self, key: selectors.SelectorKey, events: int) -> None:
        client, kind = key.fileobj, key.data
        assert isinstance(client, socket.socket)
        try:
            if events & selectors.EVENT_WRITE:
                self._selector.modify(client, selectors.EVENT_READ, kind)
                if self._first[kind]:
                    client.send(self._first[kind])
            elif client.recv(65536):
                self.noted[f"{kind}: answered"] += 1
                return
            else:
                self._close(client, kind)
        except BlockingIOError:
            return
        except OSError:
            self._close(client, kind)

    def _close(self, client: socket.socket, kind: str) -> None:
        self.noted[f"{kind}: closed by the hub"] += 1
        del self._open[kind][client]
        self._selector.unregister(client)
        client.close()


def _client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def main() -> None:
    """
    Attack the ports in the arguments.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # A real attacker is on another machine, and takes no time of this one.
    os.nice(10)
    attacker = Attacker(*map(int, sys.argv[1:]))
    began = time.monotonic()
    attacker.run()
    noted = {**attacker.noted, "seconds": round(time.monotonic() - began, 1)}
    sys.stdout.write(json.dumps(noted) + "\n")


if __name__ == "__main__":
    main()
