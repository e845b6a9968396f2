"""
Kills readers and owners of runs, and checks that no token is lost, doubled or out of order,
that every name is begun once, and that the runs of a dead or frozen owner are interrupted:
`python -m tests.chaos runs --help`.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.chaos.checks import Fault
from tests.chaos.polling import poll
from tests.chaos.runsnodes import Node
from tests.chaos.runsreader import LAST, RunReader, read_store, request
from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE

__all__ = ["Chaos", "RunsSettings", "main", "run"]

# What a busy machine may add to the time in which a run has to be interrupted, in seconds.
_SLACK = 10.0


class RunsSettings(NamedTuple):
    """
    Attributes:
        history: ``redis``, with three nodes, or ``sqlite``, with one.

        runs: How many are begun in all, and how many go on at a time.

        posts: How many requests race to begin each.

        readers: How many read each; each breaks off *reader_kills* times.

        kills: How often a node is killed.

        freezes: How often one is frozen, for *freeze* seconds, which is longer than the lease.

        between: The longest time between two of these, in seconds, at least 0.3.

        lease: In seconds.
    """

    history: str = "redis"
    runs: int = 40
    at_once: int = 10
    posts: int = 10
    readers: int = 3
    reader_kills: int = 2
    tokens: int = 60
    pause: float = 0.02
    kills: int = 5
    freezes: int = 1
    freeze: float = 5.0
    between: float = 1.0
    cancels: int = 5
    lease: float = 2.0
    seed: int = 1


class Chaos:
    """
    The readers and the nodes of one run of this test.

    Attributes:
        hurt: Runs whose owner was killed or frozen, and when.

        cancelled: Runs that somebody has cancelled.

        stored: The tokens that history has in the end, by run.
    """

    def __init__(self, settings: RunsSettings, nodes: Sequence[Node]) -> None:
        self.settings = settings
        self.nodes = nodes
        self.ports = [node.port for node in nodes]
        self.readers: list[RunReader] = []
        self.faults: list[Fault] = []
        self.counts: Counter[str] = Counter()
        self.hurt: dict[str, float] = {}
        self.cancelled: set[str] = set()
        self.stored: dict[str, list[str]] = {}
        self._rng = random.Random(settings.seed)
        self._over = False
        self._slots = asyncio.Semaphore(settings.at_once)

    async def play(self) -> None:
        """
        Begin all runs, and kill meanwhile.
        """
        names = [f"r{number}" for number in range(self.settings.runs)]
        running = [asyncio.create_task(self._one(name)) for name in names]
        killing = asyncio.create_task(self._kill())
        done = asyncio.gather(*running)
        most = 120 + 2 * self.settings.runs
        try:
            await asyncio.wait_for(done, most)
        except TimeoutError:
            late = sorted({one.name for one in self.readers if one.outcome is None})
            self.faults.append(Fault("stuck", f"Runs have not ended: {', '.join(late[:9])}."))
        self._over = True
        await killing
        # After everything that a node may have written that was frozen.
        self.stored = await read_store(self._rng.choice(self.ports))

    async def _one(self, name: str) -> None:
        settings, rng = self.settings, random.Random(f"{self.settings.seed} {name}")
        async with self._slots:
            target = f"/{name}?tokens={settings.tokens}&pause={settings.pause}"
            while True:
                posts = [
                    request(rng.choice(self.ports), "POST", target) for _ in range(settings.posts)
                ]
                statuses = await asyncio.gather(*posts)
                self.counts["requests to begin"] += len(statuses)
                if 200 in statuses:
                    break
                await asyncio.sleep(0.2)
            readers = [
                RunReader(
                    name, self.ports, settings.reader_kills, random.Random(f"{name} {number}")
                )
                for number in range(settings.readers)
            ]
            self.readers += readers
            following = [asyncio.create_task(reader.follow()) for reader in readers]
            if int(name[1:]) < settings.cancels:
                await self._cancel(name, rng)
            await asyncio.gather(*following)
            hurt = self.hurt.get(name)
            known = [one for one in self.readers if one.name == name]
            first = min(known, key=lambda one: one.ended)
            if hurt is not None and first.outcome == "interrupted":
                self._check_time(name, first.ended - hurt)

    def _check_time(self, name: str, seconds: float) -> None:
        self.counts["slowest interruption, ms"] = max(
            self.counts["slowest interruption, ms"], round(seconds * 1000)
        )
        if seconds > 2 * self.settings.lease + _SLACK:
            self.faults.append(Fault("late", f"{name} was interrupted after {seconds:.1f} s."))

    async def _cancel(self, name: str, rng: random.Random) -> None:
        """
        Cancel a run on a node that does not own it, if there is one.
        """
        await asyncio.sleep(self.settings.pause * self.settings.tokens / 3)
        others = [node for node in self.nodes if not node.owns(name)] or self.nodes
        began = time.monotonic()
        self.cancelled.add(name)
        status = await request(rng.choice(others).port, "DELETE", f"/{name}")
        owner = next((node for node in self.nodes if node.owns(name)), None)
        if status != 204 or owner is None or name in self.hurt:
            return
        if await poll(lambda: f"closed {name}" in owner.said(), PATIENCE):
            seconds = time.monotonic() - began
            self.counts["cancelled elsewhere"] += 1
            self.counts["slowest cancel, ms"] = max(
                self.counts["slowest cancel, ms"], round(seconds * 1000)
            )
        elif name not in self.hurt:
            self.faults.append(Fault("alive", f"The source of {name} was not cancelled."))

    async def _kill(self) -> None:
        settings = self.settings
        todo = ["kill"] * settings.kills + ["freeze"] * settings.freezes
        self._rng.shuffle(todo)
        for what in todo:
            await asyncio.sleep(self._rng.uniform(0.3, settings.between))
            if self._over:
                return
            busy = [one for one in self.nodes if self._going_on(one)]
            node = self._rng.choice(busy or self.nodes)
            now = time.monotonic()
            self._note_hurt(node, now)
            if what == "kill":
                await asyncio.to_thread(node.kill)
                self._note_hurt(node, now)
                await asyncio.to_thread(node.begin_again)
                self.counts["nodes killed"] += 1
            else:
                await self._freeze(node)

    async def _freeze(self, node: Node) -> None:
        node.process.send_signal(signal.SIGSTOP)
        # The others may all wait for the frozen node.
        ports = [one.port for one in self.nodes if one is not node] or self.ports
        watching = [RunReader(name, ports, 0, self._rng) for name in self._going_on(node)]
        self.readers += watching
        following = [asyncio.create_task(one.follow()) for one in watching]
        await asyncio.sleep(self.settings.freeze)
        node.process.send_signal(signal.SIGCONT)
        await asyncio.gather(*following)
        self.counts["nodes frozen"] += 1

    def _note_hurt(self, node: Node, now: float) -> None:
        for name in self._going_on(node):
            self.hurt.setdefault(name, now)
        if len(self.nodes) == 1:
            # Nobody else interrupts them before it is back again.
            self.hurt |= dict.fromkeys(self.hurt.keys() - self._ended(), now)

    def _ended(self) -> set[str]:
        return {one.name for one in self.readers if one.outcome is not None}

    def _going_on(self, node: Node) -> set[str]:
        """
        The runs of *node* whose end nobody has read: a source may be closed, and the end not
        be kept.
        """
        return node.begun() - self._ended()

    def check(self) -> None:
        """
        Check everything that was seen.
        """
        begun = Counter(
            line.split()[1]
            for node in self.nodes
            for line in node.said()
            if line.startswith("begun ") and line.split()[1] != LAST
        )
        for name, count in begun.items():
            if count > 1:
                self.faults.append(Fault("doubled", f"{name} was begun {count} times."))
        self.counts["sources begun"] = len(begun)
        for node in self.nodes:
            if "Traceback" in "\n".join(node.said()):
                self.faults.append(Fault("traceback", "A node has logged a traceback."))
        by_name: dict[str, list[RunReader]] = {}
        for reader in self.readers:
            by_name.setdefault(reader.name, []).append(reader)
        for name, readers in by_name.items():
            self._check_run(name, readers, begun[name])
        self.counts["readers killed"] = sum(one.kills for one in self.readers)
        self.counts["tokens read"] = sum(len(one.tokens) for one in self.readers)

    def _check_run(self, name: str, readers: Sequence[RunReader], begun: int) -> None:
        outcomes = {one.outcome for one in readers} - {"nothing", None}
        outcome = next(iter(outcomes), "nothing")
        self.counts[f"runs {outcome}"] += 1
        if len(outcomes) > 1:
            self.faults.append(Fault("split", f"{name} has ended as {sorted(map(str, outcomes))}."))
        for one in readers:
            expected = [f"{name} {number}" for number in range(len(one.tokens))]
            if one.tokens != expected:
                self.faults.append(_difference(one, expected))
            if one.tokens != self.stored.get(name, []):
                count = len(self.stored.get(name, []))
                sentence = f"History has {count} tokens of {name}, and a reader {len(one.tokens)}."
                self.faults.append(Fault("stored", sentence))
            if one.resets:
                self.faults.append(Fault("reset", f"A reader of {name} was reset."))
        if len({len(one.tokens) for one in readers}) > 1:
            lengths = [len(one.tokens) for one in readers]
            self.faults.append(Fault("lost", f"Readers of {name} have {lengths} tokens."))
        if outcome == "done" and len(readers[0].tokens) != self.settings.tokens:
            count = len(readers[0].tokens)
            self.faults.append(Fault("lost", f"{name} is done with {count} tokens."))
        allowed = {"done"}
        # A process may be killed before it reads the source of a run that it has begun.
        allowed |= {"interrupted"} if name in self.hurt or not begun else set()
        allowed |= {"cancelled"} if name in self.cancelled else set()
        if outcome not in allowed:
            self.faults.append(Fault("outcome", f"{name} has ended as {outcome}."))


def _difference(reader: RunReader, expected: Sequence[str]) -> Fault:
    counts = Counter(reader.tokens)
    twice = [token for token, count in counts.items() if count > 1]
    if twice:
        return Fault("doubled", f"A reader of {reader.name} got {twice[0]!r} twice.")
    if sorted(reader.tokens) == sorted(expected):
        return Fault("out of order", f"A reader of {reader.name} got tokens out of order.")
    missing = next(one for one in expected if one not in counts)
    return Fault("lost", f"A reader of {reader.name} did not get {missing!r}.")


def run(settings: RunsSettings) -> tuple[dict[str, int], list[Fault]]:
    """
    Run once.

    Returns:
        What was counted, and the faults.
    """
    redis = RedisServer() if settings.history == "redis" else None
    with tempfile.TemporaryDirectory() as home:
        bounds = "events=10000000,bytes=4GiB"
        history = f"sqlite:{Path(home) / 'runs.db'},{bounds}"
        if redis is not None:
            history = f"redis://127.0.0.1:{redis.port},{bounds}"
        nodes = [Node(history, settings.lease) for _ in range(3 if redis else 1)]
        chaos = None
        try:

            async def play() -> Chaos:
                made = Chaos(settings, nodes)
                await made.play()
                return made

            chaos = asyncio.run(play())
        finally:
            if chaos is not None:
                chaos.check()
            for node in nodes:
                node.stop()
            if redis is not None:
                redis.stop()
    return dict(chaos.counts), chaos.faults


def main(arguments: Sequence[str]) -> int:
    """
    Run once, and print the result.

    Returns:
        The exit status: 1 if a rule was broken.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.chaos runs", description=__doc__)
    for name, default in RunsSettings()._asdict().items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(default), default=default, help=f"default: {default}")
    settings = RunsSettings(**vars(parser.parse_args(arguments)))
    counts, faults = run(settings)
    for name, count in sorted(counts.items()):
        sys.stdout.write(f"{name:<28}{count:>10,}\n")
    for fault in faults[:20]:
        sys.stdout.write(f"{fault.kind}: {fault.sentence}\n")
    verdict = "At least one rule was broken." if faults else "Every reader got every token once."
    sys.stdout.write(f"{verdict}\n")
    return 1 if faults else 0
