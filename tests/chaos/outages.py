"""
Stages in which nothing is killed: the disk is full for a while, or Redis is, and the clock of
the hubs jumps back and forth meanwhile.
"""

import asyncio
import os
import random
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.chaos.checks import Fault
from tests.chaos.stages import HubStage, RedisStage
from tests.chaos.subscriber import Subscriber
from tests.support.hub_process import HubProcess
from tests.support.waiting import PATIENCE

__all__ = ["DiskFullStage", "JumpingClock", "RedisFullStage"]

# No jump of the clock makes an event too old.
_AGE = "age=999999999"

# Between two looks at the readiness of a hub, in seconds.
_STEP = 0.05

# The size of the disk: enough for the events of an hour.
_DISK = "2g"

# The longest jump of the clock, in seconds, and the longest outage.
_LONGEST_JUMP = 7200
_LONGEST_OUTAGE = 3.0

# An outage may be worth this many lines above info in the log of a hub: its beginning, its
# end, and the same for followers.
_LINES_PER_OUTAGE = 4

_ABOVE_INFO = re.compile(r"^\S+ \[\S+#(?:warn|error|critical)\].*", re.MULTILINE)


class JumpingClock:
    """
    The time of day of Python programs that are started inside `applied`.

    The monotonic clock is not changed, as on a machine whose time of day is set.
    """

    def __init__(self) -> None:
        self._file = Path(tempfile.mkdtemp(), "offset")
        self.jump(0)

    def jump(self, offset: int) -> None:
        """
        Set the time of day to *offset* seconds after the real one.
        """
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset:+d}\n", "ascii")
        new.replace(self._file)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """
        Let programs that are started inside have this clock.
        """
        before = dict(os.environ)
        # Its sitecustomize is imported when Python starts.
        os.environ["PYTHONPATH"] = str(Path(__file__).parent / "jumpingclock")
        os.environ["CHAOS_CLOCK_OFFSET"] = str(self._file)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


class _Outages:
    """
    What both stages do in an outage: check readiness and the log.
    """

    faults: list[Fault]
    kills: int
    _hubs: list[HubProcess]

    async def _expect_ready(self, ready: bool, when: str) -> None:
        for hub in self._hubs:
            try:
                async with asyncio.timeout(PATIENCE):
                    while await asyncio.to_thread(_is_ready, hub) is not ready:
                        await asyncio.sleep(_STEP)
            except TimeoutError:
                state = "ready" if ready else "unavailable"
                self.faults.append(Fault("readiness", f"A hub was not {state} {when}."))

    def _check_length(self, hub: HubProcess) -> None:
        lines = _ABOVE_INFO.findall(hub.log)
        if len(lines) > _LINES_PER_OUTAGE * (self.kills + 1):
            sample = "\n".join(lines[:20])
            self.faults.append(
                Fault("long log", f"{len(lines)} lines in {self.kills} outages:\n{sample}")
            )


class DiskFullStage(_Outages, HubStage):
    """
    One hub with its history on a disk that is full for a while, again and again.

    Needs root, to mount the disk.
    """

    keeps_connections = True

    def __init__(self) -> None:
        self._clock = JumpingClock()
        self._disk = Path(tempfile.mkdtemp())
        _run("mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(self._disk))
        super().__init__(f"sqlite:{self._disk / 'history'},events=10000000,bytes=4GiB,{_AGE}")

    def start(self) -> None:
        """
        See `Stage.start`.
        """
        with self._clock.applied():
            super().start()

    async def kill(self, rng: random.Random, subscribers: Sequence[Subscriber]) -> None:
        """
        Fill the disk until the hub is not ready, and make room again.
        """
        self.kills += 1
        self._clock.jump(rng.randint(-_LONGEST_JUMP, _LONGEST_JUMP))
        ballast = self._disk / "ballast"
        await asyncio.to_thread(_fill, ballast)
        await self._expect_ready(False, "while the disk was full")
        self._clock.jump(rng.randint(-_LONGEST_JUMP, _LONGEST_JUMP))
        await asyncio.sleep(rng.uniform(0, _LONGEST_OUTAGE))
        ballast.unlink()
        await self._expect_ready(True, "after there was room on the disk")

    def stop(self) -> None:
        """
        See `Stage.stop`.
        """
        try:
            for hub in self._hubs:
                self._check_length(hub)
            super().stop()
        finally:
            _run("umount", str(self._disk))


class RedisFullStage(_Outages, RedisStage):
    """
    Two hubs on one Redis that is out of memory for a while, again and again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._clock = JumpingClock()

    def start(self) -> None:
        """
        See `Stage.start`.
        """
        with self._clock.applied():
            self._open(f"{self._redis.url},prefix=chaos,events=10000000,bytes=4GiB,{_AGE}", 2)

    async def kill(self, rng: random.Random, subscribers: Sequence[Subscriber]) -> None:
        """
        Take all memory from Redis until the hubs are not ready, and give it back.
        """
        self.kills += 1
        self._clock.jump(rng.randint(-_LONGEST_JUMP, _LONGEST_JUMP))
        await asyncio.to_thread(self._redis.cli, "CONFIG", "SET", "maxmemory", "1")
        await self._expect_ready(False, "while Redis was full")
        self._clock.jump(rng.randint(-_LONGEST_JUMP, _LONGEST_JUMP))
        await asyncio.sleep(rng.uniform(0, _LONGEST_OUTAGE))
        await asyncio.to_thread(self._redis.cli, "CONFIG", "SET", "maxmemory", "0")
        await self._expect_ready(True, "after Redis had memory")

    def stop(self) -> None:
        """
        See `Stage.stop`.
        """
        for hub in self._hubs:
            self._check_length(hub)
        super().stop()


def _is_ready(hub: HubProcess) -> bool:
    try:
        with urlopen(f"{hub.url}/readyz", timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
    except HTTPError as error:
        error.close()
        return False


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
