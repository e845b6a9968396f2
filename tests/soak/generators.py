"""
Open streams of generators, abort them at random, and see that nothing is left:
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
from tests.soak.readers import Plan, Reader, Reader2
from tests.soak.served import Served
from tests.support.certificates import write_certificate

__all__ = ["Outcome", "main", "soak"]

# How many streams there are at a time.
_AT_ONCE = 40

# How long what has been aborted may take to be gone, in seconds.
_PATIENCE = 20.0

# So many objects more are by chance: calls that were cancelled are cleaned up now and then.
_FEW = 1000

# How many lines of the log are told.
_TOLD = 5

# Streams of the first round, which fills caches and does not count: one in so many, but not few.
_WARM, _LEAST = 10, 200


@dataclass
class Outcome:
    """
    What came of it.

    Attributes:
        noted: How many sources have begun and ended, how many streams there were of each kind.

        grown: What there is more of than before.

        objects: By how many the objects of all types have grown.

        logged: Lines of the log above info.

        staying: How many streams and connections did not end.
    """

    noted: dict[str, int]
    grown: dict[str, int]
    objects: int
    logged: list[str] = field(default_factory=list)
    staying: int = 0

    @property
    def clean(self) -> bool:
        """
        Whether nothing was left behind.
        """
        equal = self.noted.get("begun") == self.noted.get("ended")
        few = self.objects < max(_FEW, self.noted["streams"] // 20)
        return equal and few and not (self.grown or self.logged or self.staying)


async def soak(reactor: Any, streams: int, seed: int) -> Outcome:
    """
    Open *streams*, abort them, and compare what there is before and after.
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
            served = Served(reactor)
            run = _Run(reactor, served, await served.start(Path(directory)), random.Random(seed))
            await run.go(max(_LEAST, streams // _WARM))
            before = Counts.take(reactor)
            served.noted.clear()
            staying = await run.go(streams)
            after = Counts.take(reactor)
            await served.stop()
    finally:
        globalLogPublisher.removeObserver(observe)
    grown, objects = after.more_than(before), after.objects - before.objects
    return Outcome({"streams": streams, **served.noted}, grown, objects, logged, staying)


class _Handing(Factory):
    """
    Hands out *reader*.  `connectProtocol` makes a class for each connection, and
    nobody forgets it again.
    """

    noisy = False

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def buildProtocol(self, addr: object) -> Reader:
        """
        See `Factory.buildProtocol`.
        """
        return self._reader


class _Run:
    def __init__(self, reactor: Any, served: Served, ports: list[int], chance: random.Random):
        self._reactor = reactor
        self._served = served
        self._ports = ports
        self._chance = chance
        self._left = self._readers = 0
        self._clients = {
            "TLS": CertificateOptions(acceptableProtocols=[b"http/1.1"]),
            "HTTP/2": CertificateOptions(acceptableProtocols=[b"h2"]),
        }

    async def go(self, streams: int) -> int:
        """
        Have so many streams, and wait until they are gone.

        Returns:
            How many are not.
        """
        # A reactor that has just started has yet to listen for signals.
        await deferLater(self._reactor, 0)
        self._readers = len(self._reactor.getReaders())
        self._left = streams
        await gatherResults([Deferred.fromCoroutine(self._work()) for _ in range(_AT_ONCE)])
        deadline = self._reactor.seconds() + _PATIENCE
        while self._staying() and self._reactor.seconds() < deadline:
            await deferLater(self._reactor, 0.05)
        # What called this has to return, before it is gone as well.
        await deferLater(self._reactor, 0)
        return self._staying()

    def _staying(self) -> int:
        noted = self._served.noted
        connections = len(self._reactor.getReaders()) - self._readers
        return len(self._served.hub.responses) + noted["begun"] - noted["ended"] + connections

    async def _work(self) -> None:
        while self._left > 0:
            self._left -= 1
            plan = Plan.choose(self._chance, self._chance.choice(self._served.paths))
            kind = self._chance.choice(("TCP", "TCP", "TLS", "HTTP/2"))
            reader = (Reader2 if kind == "HTTP/2" else Reader)(self._reactor, plan)
            self._served.noted[f"{kind} streams"] += 1
            await self._endpoint(kind).connect(_Handing(reader))
            await reader.done
            self._served.noted["not closed by the server"] += reader.forced

    def _endpoint(self, kind: str) -> Any:
        plain = HostnameEndpoint(self._reactor, b"127.0.0.1", self._ports[kind != "TCP"])
        if kind == "TCP":
            return plain
        # Without a trust root it believes anybody.
        return wrapClientTLS(self._clients[kind], plain)


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Run once, and tell what happened; the exit status is 1 if something was left behind.
    """
    given = _read(arguments)

    async def run(reactor: Any) -> None:
        _say(f"python -m tests.soak.generators --streams {given.streams} --seed {given.seed}")
        outcome = await soak(reactor, given.streams, given.seed)
        _tell(outcome)
        sys.exit(0 if outcome.clean else 1)

    react(lambda reactor: Deferred.fromCoroutine(run(reactor)))


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.generators", description=__doc__)
    parser.add_argument("--streams", type=int, default=10_000, help="how many; default: 10000")
    parser.add_argument("--seed", type=int, help="to repeat a run's choices; default: any")
    given = parser.parse_args(arguments)
    if given.seed is None:
        given.seed = random.randrange(1_000_000)
    return given


def _tell(outcome: Outcome) -> None:
    for name, count in sorted(outcome.noted.items()):
        _say(f"{name:<24}{count:>10,}")
    _say(f"{'streams that stayed':<24}{outcome.staying:>10,}")
    _say(f"{'objects more':<24}{outcome.objects:>10,}")
    for name, count in outcome.grown.items():
        _say(f"left behind: {count:,} {name}")
    _say(f"{'lines above info':<24}{len(outcome.logged):>10,}")
    for line in outcome.logged[:_TOLD]:
        _say(f"logged: {line}")
    _say("Nothing was left behind." if outcome.clean else "Something was left behind.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
