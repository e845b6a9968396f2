"""
Chaos for the client: `python -m tests.chaos client --help`.

The hostile servers run in this process, and their clients in another.
"""

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import CannotListenError
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import deferLater, react
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogBeginner

from tests.chaos.behaviors import BEHAVIORS
from tests.chaos.checks import Fault
from tests.chaos.clientchecks import find_client_faults
from tests.chaos.clientsprocess import ClientsProcess
from tests.chaos.hostileserver import HostileServer
from tests.support.certificates import write_certificate
from tests.support.ports import free_port

__all__ = ["main"]

# How long the clients may take to end once the servers behave well, in seconds.
_TIMEOUT = 120.0

# The time between two periods without listening, and how long they last, in seconds.
_BETWEEN, _CLOSED = (3.0, 20.0), (0.2, 2.0)

# How many faults of each kind are printed in full.
_SHOWN = 5


class _Settings(NamedTuple):
    """
    Attributes:
        seconds: How long the servers misbehave.

        rest: The number of seconds after which all clients pause once.
    """

    seconds: float
    rest: float
    clients: int
    seed: int


class _ChaosRun:
    """
    One run.

    Attributes:
        faults: Violations of the rules.

        counts: How often each thing happened.
    """

    def __init__(self, reactor: Any, settings: _Settings) -> None:
        self.faults: list[Fault] = []
        self.counts: Counter[str] = Counter()
        globalLogBeginner.beginLoggingTo([cast(ILogObserver, self._note)], redirectStandardIO=False)
        self._reactor = reactor
        self._settings = settings
        self._rng = random.Random(f"{settings.seed} refusals")
        self._ports: list[Any] = []
        self._options: Any = None
        self._servers = [
            HostileServer(reactor, settings.seed, number, BEHAVIORS[number % len(BEHAVIORS)])
            for number in range(settings.clients)
        ]

    async def run(self) -> None:
        """
        Return when all clients have ended.
        """
        with tempfile.TemporaryDirectory() as home:
            pair = write_certificate(Path(home))
            self._options = PrivateCertificate.loadPEM(
                b"".join(path.read_bytes() for path in pair)
            ).options()
            self._ports = [self._listen(server, free_port()) for server in self._servers]
            clients = self._start(pair[0])
            await self._misbehave(clients.ended)
            for server in self._servers:
                server.well_behaved = True
            try:
                status = await clients.ended.addTimeout(_TIMEOUT, self._reactor)
            except TimeoutError:
                self.faults.append(Fault("stuck", f"Not all clients had ended after {_TIMEOUT} s."))
                clients.kill()
            else:
                self._judge(clients, status)
        self._count()

    def _note(self, event: LogEvent) -> None:
        # An error in a server of this test.
        if event["log_level"] > LogLevel.info:
            self.faults.append(Fault("server", event["log_failure"].getTraceback()))

    def _listen(self, server: HostileServer, number: int) -> Any:
        arguments: tuple[Any, ...] = (number, server)
        listen = self._reactor.listenTCP
        if server.behavior.tls:
            arguments, listen = (number, server, self._options), self._reactor.listenSSL
        return listen(*arguments, interface="127.0.0.1")

    def _start(self, certificate: Path) -> ClientsProcess:
        given = {
            "seed": self._settings.seed,
            "ports": [port.getHost().port for port in self._ports],
            "certificate": str(certificate),
            "rest": self._settings.rest,
        }
        return ClientsProcess(self._reactor, json.dumps(given))

    async def _misbehave(self, ended: Deferred[Any]) -> None:
        """
        Stop listening from time to time.
        """
        deadline = self._reactor.seconds() + self._settings.seconds
        while (left := deadline - self._reactor.seconds()) > 0 and not ended.called:
            await deferLater(self._reactor, min(left, self._rng.uniform(*_BETWEEN)))
            await self._refuse_connections()

    async def _refuse_connections(self) -> None:
        self.counts["connections refused"] += 1
        numbers = [port.getHost().port for port in self._ports]
        for port in self._ports:
            await port.stopListening()
        await deferLater(self._reactor, self._rng.uniform(*_CLOSED))
        for server in self._servers:
            server.checker.refused_connections(self._reactor.seconds())
        pairs = zip(self._servers, numbers, strict=True)
        self._ports = [await self._reopen(*pair) for pair in pairs]

    async def _reopen(self, server: HostileServer, number: int) -> Any:
        while True:
            try:
                return self._listen(server, number)
            except CannotListenError:
                await deferLater(self._reactor, 0.05)

    def _judge(self, clients: ClientsProcess, status: int) -> None:
        if status != 0 or clients.error:
            self.faults.append(Fault("bad end", clients.error.decode("utf-8", "replace")))
        if status == 0:
            found = json.loads(clients.out)
            self.faults += find_client_faults(found, [server.checker for server in self._servers])
            self.counts.update({f"client: {name}": n for name, n in found["counts"].items()})
            for name in ("resident", "objects"):
                for moment, count in zip(("first", "rest", "end"), found[name], strict=True):
                    self.counts[f"{name} at {moment}"] = count
            self.counts["lines above info"] = len(found["lines"])

    def _count(self) -> None:
        for server in self._servers:
            self.counts.update({f"server: {name}": n for name, n in server.checker.counts.items()})
            self.counts["server: silent close"] += server.counts["silent close"]


def main(arguments: Sequence[str]) -> int:
    """
    Run once, and print the result.

    Returns:
        The exit status: 1 if the rule was broken.
    """
    settings = _read(arguments)
    _say(f"python -m tests.chaos client, seed {settings.seed}")
    status = 1

    async def run_chaos(reactor: Any) -> None:
        nonlocal status
        run = _ChaosRun(reactor, settings)
        await run.run()
        _report(run)
        status = 1 if run.faults else 0

    try:
        react(lambda reactor: Deferred.fromCoroutine(run_chaos(reactor)))
    except SystemExit as end:
        if end.code:
            raise
    return status


def _read(arguments: Sequence[str]) -> _Settings:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos client", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="how long the servers misbehave; default: 60"
    )
    parser.add_argument(
        "--rest", type=float, help="when all clients pause once; default: a quarter of it"
    )
    parser.add_argument("--clients", type=int, default=len(BEHAVIORS), help="default: 8")
    parser.add_argument(
        "--seed", type=int, help="repeats the choices of a run; default: a random one"
    )
    given = parser.parse_args(arguments)
    if not given.seconds > 0 or given.clients < 1:
        parser.error("--seconds must be more than 0, and --clients at least 1")
    seed = random.randrange(1_000_000) if given.seed is None else given.seed
    rest = given.seconds / 4 if given.rest is None else given.rest
    return _Settings(given.seconds, rest, given.clients, seed)


def _report(run: _ChaosRun) -> None:
    for name, count in sorted(run.counts.items()):
        _say(f"{name:<40}{count:>14,}")
    shown: Counter[str] = Counter()
    for fault in run.faults:
        shown[fault.kind] += 1
        if shown[fault.kind] <= _SHOWN:
            _say(f"{fault.kind}: {fault.sentence}")
    for kind, count in shown.items():
        _say(f"{kind:<40}{count:>14,}")
    _say("At least one rule was broken." if run.faults else "Every event came once and in order.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
