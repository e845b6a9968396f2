"""
Open streams of generators, abort them at random, and check that everything is released:
`python -m tests.soak.generators --help`.

Client and server are in one process, over real sockets on loopback.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import deferLater, react
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from zope.interface import implementer

from tests.soak.counts import Counts
from tests.soak.readers import HTTP2Reader, Plan, Reader
from tests.soak.server import Server
from tests.support.certificates import write_certificate

__all__ = ["Outcome", "main", "soak"]

# The number of streams at a time.
_AT_ONCE = 40

# How long aborted streams may take to be cleaned up, in seconds.
_TIMEOUT = 20.0

# Growth of the number of objects that is allowed: cancelled calls are removed only from time to
# time.
_ALLOWED_GROWTH = 1000

# How many lines of the log are printed.
_SHOWN = 5

# The first round, which fills caches and is not counted, has this fraction of the streams, and at
# least this many.
_WARM_UP_SHARE, _WARM_UP_LEAST = 10, 200


@dataclass
class Outcome:
    """
    The result of a run.

    Attributes:
        noted: How many sources have begun and ended, and the number of streams of each kind.

        grown: What has grown, and by how much.

        objects: The growth of the number of all objects.

        logged: Lines of the log above info.

        staying: The number of streams and connections that did not end.
    """

    noted: dict[str, int]
    grown: dict[str, int]
    objects: int
    logged: list[str] = field(default_factory=list)
    staying: int = 0

    @property
    def clean(self) -> bool:
        """
        Whether everything was released.
        """
        equal = self.noted.get("begun") == self.noted.get("ended")
        few = self.objects < max(_ALLOWED_GROWTH, self.noted["streams"] // 20)
        return equal and few and not (self.grown or self.logged or self.staying)


async def soak(reactor: Any, streams: int, seed: int) -> Outcome:
    """
    Open *streams*, abort them, and compare the counts before and after.
    """
    logged: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event.get("log_level", LogLevel.info) > LogLevel.info:
            logged.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    try:
        with tempfile.TemporaryDirectory() as directory:
            write_certificate(Path(directory))
            server = Server(reactor)
            run = _SoakRun(
                reactor, server, await server.start(Path(directory)), random.Random(seed)
            )
            await run.open_streams(max(_WARM_UP_LEAST, streams // _WARM_UP_SHARE))
            before = Counts.take(reactor)
            server.noted.clear()
            staying = await run.open_streams(streams)
            after = Counts.take(reactor)
            await server.stop()
    finally:
        globalLogPublisher.removeObserver(observe)
    grown, objects = after.more_than(before), after.objects - before.objects
    return Outcome({"streams": streams, **server.noted}, grown, objects, logged, staying)


class _SingleProtocolFactory(Factory):
    """
    Returns *reader*.  `connectProtocol` is not used, because it makes a class for
    each connection, which is never freed.
    """

    noisy = False

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def buildProtocol(self, addr: object) -> Reader:
        """
        See `Factory.buildProtocol`.
        """
        return self._reader


class _SoakRun:
    def __init__(self, reactor: Any, server: Server, ports: list[int], rng: random.Random):
        self._reactor = reactor
        self._server = server
        self._ports = ports
        self._rng = rng
        self._left = self._readers = 0
        self._clients = {
            "TLS": CertificateOptions(acceptableProtocols=[b"http/1.1"]),
            "HTTP/2": CertificateOptions(acceptableProtocols=[b"h2"]),
        }

    async def open_streams(self, streams: int) -> int:
        """
        Open *streams*, and wait until all have ended.

        Returns:
            The number of streams and connections that have not.
        """
        # A reactor that has just started does not read its signal pipe yet.
        await deferLater(self._reactor, 0)
        self._readers = len(self._reactor.getReaders())
        self._left = streams
        await gatherResults([Deferred.fromCoroutine(self._work()) for _ in range(_AT_ONCE)])
        deadline = self._reactor.seconds() + _TIMEOUT
        while self._unfinished() and self._reactor.seconds() < deadline:
            await deferLater(self._reactor, 0.05)
        # The objects of the current call chain are freed after it has returned.
        await deferLater(self._reactor, 0)
        return self._unfinished()

    def _unfinished(self) -> int:
        sources = self._server.noted
        connections = len(self._reactor.getReaders()) - self._readers
        return len(self._server.hub.responses) + sources["begun"] - sources["ended"] + connections

    async def _work(self) -> None:
        while self._left > 0:
            self._left -= 1
            plan = Plan.choose(self._rng, self._rng.choice(self._server.paths))
            kind = self._rng.choice(("TCP", "TCP", "TLS", "HTTP/2"))
            reader = (HTTP2Reader if kind == "HTTP/2" else Reader)(self._reactor, plan)
            self._server.noted[f"{kind} streams"] += 1
            await self._endpoint(kind).connect(_SingleProtocolFactory(reader))
            await reader.done
            self._server.noted["not closed by the server"] += reader.forced

    def _endpoint(self, kind: str) -> Any:
        plain = HostnameEndpoint(self._reactor, b"127.0.0.1", self._ports[kind != "TCP"])
        if kind == "TCP":
            return plain
        # Without a trust root, any certificate is accepted.
        return wrapClientTLS(self._clients[kind], plain)


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Run once, and print the result; the exit status is 1 if something was left behind.
    """
    given = _read(arguments)

    async def run(reactor: Any) -> None:
        _say(f"python -m tests.soak.generators --streams {given.streams} --seed {given.seed}")
        outcome = await soak(reactor, given.streams, given.seed)
        _report(outcome)
        sys.exit(0 if outcome.clean else 1)

    react(lambda reactor: Deferred.fromCoroutine(run(reactor)))


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.generators", description=__doc__)
    parser.add_argument(
        "--streams", type=int, default=10_000, help="how many streams; default: 10000"
    )
    parser.add_argument(
        "--seed", type=int, help="repeats the choices of a run; default: a random one"
    )
    given = parser.parse_args(arguments)
    if given.seed is None:
        given.seed = random.randrange(1_000_000)
    return given


def _report(outcome: Outcome) -> None:
    for name, count in sorted(outcome.noted.items()):
        _say(f"{name:<24}{count:>10,}")
    _say(f"{'streams that stayed':<24}{outcome.staying:>10,}")
    _say(f"{'objects more':<24}{outcome.objects:>10,}")
    for name, count in outcome.grown.items():
        _say(f"left behind: {count:,} {name}")
    _say(f"{'lines above info':<24}{len(outcome.logged):>10,}")
    for line in outcome.logged[:_SHOWN]:
        _say(f"logged: {line}")
    _say("Nothing was left behind." if outcome.clean else "Something was left behind.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
