"""
SIGHUP; `tests.e2e.test_options` and `tests.e2e.test_tls` send it to a real process.
"""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.server.commandline import TARGET, CommandLineTests, Running
from tests.server.test_process import StoppingReactor
from twisted_sse.server.reload import Reloadable, ReloadSignal

__all__ = ["ReloadSignalTests", "TokenFileTests"]


class Counted:
    """
    Counts how often it is reloaded, and then raises what it was given.
    """

    def __init__(self, error: Exception | None = None) -> None:
        self.reloads = 0
        self.error = error

    def reload(self) -> None:
        """
        See `Reloadable`.
        """
        self.reloads += 1
        if self.error is not None:
            raise self.error


class ReloadSignalTests(SynchronousTestCase):
    """
    `ReloadSignal`.
    """

    def setUp(self) -> None:
        """
        Restore the handler of this process afterward.
        """
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        self.reactor = StoppingReactor()

    def hang_up(self, reloads: Mapping[str, Reloadable], *, stopped: bool = False) -> list[str]:
        """
        Send SIGHUP to a service, and return what it logs.
        """
        service = ReloadSignal(self.reactor, reloads)
        service.startService()
        if stopped:
            service.stopService()
        with capturedLogs() as logs:
            signal.raise_signal(signal.SIGHUP)
        return [formatEvent(event) for event in logs]

    def test_reloads(self) -> None:
        """
        Everything is reloaded once, and the log says what is.
        """
        one, two = Counted(), Counted()
        log = self.hang_up({"the certificates": one, "the tokens": two})

        self.assertEqual(log, ["Received SIGHUP, reading the certificates and the tokens again"])
        self.assertEqual((one.reloads, two.reloads, self.reactor.stops), (1, 1, 0))

    def test_context(self) -> None:
        """
        Everything is reloaded inside the context given, which tells systemd.
        """
        said: list[str] = []
        one = Counted()

        @contextmanager
        def reloading() -> Iterator[None]:
            said.append(f"begin {one.reloads}")
            yield
            said.append(f"end {one.reloads}")

        ReloadSignal(self.reactor, {"the tokens": one}, reloading).startService()
        signal.raise_signal(signal.SIGHUP)

        self.assertEqual(said, ["begin 0", "end 1"])

    def test_nothing(self) -> None:
        """
        With nothing to reload the signal is logged, and does not end the process.
        """
        (line,) = self.hang_up({})

        self.assertTrue(line.startswith("Received SIGHUP: there is no --tls-cert"), line)
        self.assertEqual(self.reactor.stops, 0)

    def test_fixed(self) -> None:
        """
        The log says which certificates are not read again.
        """
        service = ReloadSignal(self.reactor, {}, fixed=["ssl:8443:certKey=a.pem"])
        service.startService()
        with capturedLogs() as logs:
            signal.raise_signal(signal.SIGHUP)

        self.assertIn("--port ssl:8443:certKey=a.pem is not read again", formatEvent(logs[0]))

    def test_failure(self) -> None:
        """
        If one cannot be reloaded, the others are.
        """
        one, two = Counted(ZeroDivisionError()), Counted()
        self.hang_up({"the certificates": one, "the tokens": two})

        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(two.reloads, 1)

    def test_stopping(self) -> None:
        """
        While the hub stops, the signal does not end it, and nothing is reloaded.
        """
        one = Counted()
        (line,) = self.hang_up({"the tokens": one}, stopped=True)

        self.assertIn("the hub is stopping", line)
        self.assertEqual(one.reloads, 0)


class TokenFileTests(CommandLineTests):
    """
    ``--publish-token-file``, read again.
    """

    def setUp(self) -> None:
        """
        Run a hub with two tokens.
        """
        super().setUp()
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        self.path = Path(self.file(b"first-one\nsecond-one\n"))
        self.running = Running("--publish-token-file", str(self.path))
        self.running.reactor.callFromThread = lambda call, *arguments: call(*arguments)

    def hang_up(self, content: bytes | None) -> str:
        """
        Replace the content of the file or remove it, send SIGHUP, and return the last log line.
        """
        self.path.unlink()
        if content is not None:
            self.path.write_bytes(content)
        with capturedLogs() as logs:
            signal.raise_signal(signal.SIGHUP)
        return formatEvent(logs[-1])

    def statuses(self, *tokens: str) -> list[int]:
        """
        What publications with these tokens are answered.
        """
        return [self.running.post(b"topic=a&data=", token).status for token in tokens]

    def test_replaced(self) -> None:
        """
        A new token is accepted, and one that is not in the file any more is refused.
        """
        line = self.hang_up(b"\xef\xbb\xbfsecond-one\nthird-one\n")

        self.assertEqual(line, "Tokens that may publish: 2 now, 1 new, 1 removed")
        self.assertEqual(self.statuses("first-one", "second-one", "third-one"), [401, 200, 200])

    def test_streams(self) -> None:
        """
        The streams of a removed token end, and all others stay.
        """
        headers = [{"Authorization": f"Bearer {token}-one"} for token in ("first", "second")]
        streams = [self.running.ask("GET", TARGET, one) for one in (*headers, {})]
        line = self.hang_up(b"second-one\n")
        self.running.reactor.advance(0)

        self.assertEqual(line, "Streams that end because their token was removed: 1")
        self.assertEqual([one.answer.ended for one in streams], [True, False, False])

    def test_unusable(self) -> None:
        """
        If the file cannot be used, the tokens stay, and one line says why.
        """
        for content, reason in ((None, "No such file"), (b"", "empty"), (b"a b", "spaces")):
            with self.subTest(content=content):
                line = self.hang_up(content)
                self.path.write_bytes(b"first-one\n")

                self.assertTrue(line.startswith("The tokens in use stay, because "), line)
                self.assertIn(reason, line)
                self.assertEqual(self.statuses("first-one", "second-one"), [200, 200])
