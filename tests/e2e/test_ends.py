"""
Every way in which a source ends, over every protocol: its ``finally`` runs once, and the
hub keeps nothing.
"""

import contextlib
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.curl import curl
from tests.support.processes import Background
from tests.support.readers import Wire
from tests.support.waiting import eventually

__all__ = ["EndTests", "LeavingTests", "StalledTests", "StoppingTests"]

PROGRAM = Path(__file__).with_name("sources.py")


class Sources(SynchronousTestCase):
    """
    Tests of the program `sources.py`.
    """

    def setUp(self) -> None:
        """
        Start it.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        write_certificate(Path(directory.name))
        self.program = Background([sys.executable, str(PROGRAM), directory.name])
        self.addCleanup(self.program.end)
        _, tcp, tls = self.line("ports").split()
        self.wires = [
            Wire("TCP", int(tcp)),
            Wire("TLS", int(tls)),
            Wire("HTTP/2", int(tls)),
        ]
        self._tally = f"http://127.0.0.1:{tcp}/tally"

    def line(self, word: str) -> str:
        """
        Wait for the line of the program's output that begins with *word*.
        """

        def find() -> str:
            lines = self.program.output().splitlines(keepends=True)
            return next((one for one in lines if one.startswith(word) and one[-1] == "\n"), "")

        return eventually(find, f"{word!r} was not printed")

    def tally(self) -> dict[str, Any]:
        """
        Fetch the tally.
        """
        told: dict[str, Any] = curl(self._tally).json()
        return told

    def wait_for(self, key: str, *steps: str) -> None:
        """
        Wait until the source of *key* has done *steps*, and no stream is open.
        """

        def over() -> bool:
            tally = self.tally()
            return tally["sources"].get(key, []) == [*steps] and not tally["responses"]

        eventually(over, f"{key!r} has not ended as it should, or is still open")

    def at_rest(self) -> dict[str, Any]:
        """
        Wait until no source advances any more, and return the tally.
        """
        seen: list[dict[str, Any]] = []

        def unchanged() -> bool:
            seen.append(self.tally())
            return len(seen) > 10 and seen[-1]["sources"] == seen[-10]["sources"]

        eventually(unchanged, "the sources still advance")
        return seen[-1]

    def assert_quiet(self) -> None:
        """
        Assert that nothing was logged, and that the program runs.
        """
        self.assertTrue(self.program.running())
        self.assertEqual(len(self.program.output().splitlines()), 1, self.program.output())

    def assert_ended_once(self, path: str, how: str, complete: bool | None = None) -> None:
        """
        Assert, over every protocol, that a source whose reader does *how* ends once.

        Args:
            complete: Whether a response that is read to its end is complete.
        """
        for wire in self.wires:
            with self.subTest(wire=wire.name):
                key = f"{path}-{how}-{wire.name}"
                reader = wire.open(f"/{path}?key={key}")
                self.addCleanup(reader.leave)
                reader.begin()
                self.assertEqual(getattr(reader, how)(), complete)

                self.wait_for(key, "begun", "finally")


class EndTests(Sources):
    """
    The source ends the stream.
    """

    def test_ends(self) -> None:
        """
        A source that returns.
        """
        for path in ("short", "short_async"):
            self.assert_ended_once(path, "rest", complete=True)
        self.assert_quiet()

    def test_raises(self) -> None:
        """
        A source that fails: its response is not complete, and the log has one error for each.
        """
        for path in ("failing", "failing_async"):
            self.assert_ended_once(path, "rest", complete=False)

        self.assertEqual(self.program.output().count("#critical] The source of a stream failed"), 6)

    def test_head(self) -> None:
        """
        ``HEAD`` makes no source.
        """
        for wire in self.wires:
            self.assertEqual(wire.head("/short?key=head"), 200)
        self.wait_for("head")
        self.assert_quiet()


class LeavingTests(Sources):
    """
    The reader ends the stream.
    """

    def test_leaves(self) -> None:
        """
        A reader that closes its connection while the source waits, yields, or is paused.
        """
        for path in ("waiting", "flowing", "endless"):
            self.assert_ended_once(path, "leave")
        self.assert_quiet()

    def test_resets(self) -> None:
        """
        A reader that resets its connection or its HTTP/2 stream.
        """
        for path in ("waiting", "flowing", "endless"):
            self.assert_ended_once(path, "reset")
        self.assert_quiet()

    def test_goodbye(self) -> None:
        """
        A TLS client that sends close_notify while the source is paused, and then reads until
        the TCP connection ends.
        """
        goodbye = self.wires[1].goodbye("/stalled?key=goodbye", self.at_rest)
        with goodbye as connection, contextlib.suppress(ConnectionResetError):
            while connection.recv(65536):
                pass

        eventually(lambda: not self.tally()["responses"], "it has not ended")
        self.assert_quiet()

    def test_never_started(self) -> None:
        """
        A source whose reader never accepts data is closed without being started.
        """
        for wire in self.wires:
            with self.subTest(wire=wire.name):
                key = f"unasked-{wire.name}"
                with wire.blocked(key):
                    eventually(lambda: self.tally()["responses"] == 1, "it has not come")

                self.wait_for(key, "finally")
        self.assert_quiet()

    def test_never_started_stuck(self) -> None:
        """
        The same if such a reader stays connected until the send timeout.
        """
        keys = {f"stuck-{wire.name}": wire for wire in self.wires}
        with contextlib.ExitStack() as stack:
            # Together, so that the timeout passes once.
            for key, wire in keys.items():
                stack.enter_context(wire.blocked(key))
            for key in keys:
                self.wait_for(key, "finally")
        self.assert_quiet()


class StalledTests(Sources):
    """
    Clients that do not read, of sources that yield for ever.
    """

    COUNT = 16

    def stall(self, wire: Wire, name: str, readers: int) -> int:
        """
        Open *readers* streams without reading, and return the memory when nothing moves.
        """
        for number in range(readers):
            self.addCleanup(wire.open(f"/stalled?key={name}-{number}").leave)
        return int(self.at_rest()["memory"])

    def test_memory(self) -> None:
        """
        Each uses at most 256 KiB, over every protocol.
        """
        for wire in self.wires:
            with self.subTest(wire=wire.name):
                before = self.stall(wire, f"warm-{wire.name}", 2)
                after = self.stall(wire, wire.name, self.COUNT)

                self.assertLess((after - before) / self.COUNT, 256 * 1024)
        self.assert_quiet()


class StoppingTests(Sources):
    """
    The server stops.
    """

    def test_stops(self) -> None:
        """
        Sources that await `draining` end in good order, and so do the hub's own streams.  The
        others are closed when the grace is over, and their responses are not complete.
        """
        paths = ("obedient", "waiting", "flowing")
        keys = {f"{path}-{wire.name}": wire for path in paths for wire in self.wires}
        readers = [wire.open(f"/{key.partition('-')[0]}?key={key}") for key, wire in keys.items()]
        readers += [wire.open("/events?topic=news") for wire in self.wires]
        for reader in readers:
            self.addCleanup(reader.leave)
            reader.begin()
        self.program.send_signal(signal.SIGTERM)
        complete = [reader.rest() for reader in readers]
        status = self.program.wait()
        told = json.loads(self.line("tally").partition(" ")[2])

        goes_on = ["waiting" in key or "flowing" in key for key in keys]
        self.assertEqual(complete[: len(keys)], [not each for each in goes_on])
        self.assertEqual((status, complete[len(keys) :]), (0, [True] * 3))
        self.assertEqual((told["responses"], told["connections"]), (0, 0))
        self.assertEqual(told["sources"], {key: ["begun", "finally"] for key in keys})
        self.assertEqual(len(self.program.output().splitlines()), 2, self.program.output())
