"""
``twisted-sse`` against hubs in processes of their own.
"""

import fcntl
import json
import os
import signal
import socket
import sys
import threading
from contextlib import suppress as suppressed
from pathlib import Path
from termios import FIONREAD

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.commands import Done, Running, run_command
from tests.support.forwarder import Forwarder
from tests.support.hub_process import HubProcess
from tests.support.ports import free_port
from tests.support.waiting import eventually

__all__ = ["ProxyTests", "PublishTests", "TailTests", "UsageTests"]


class HubTestCase(SynchronousTestCase):
    """
    A test case with hubs and commands.
    """

    def start(self, *options: str) -> HubProcess:
        """
        Start a hub that is stopped after the test.
        """
        hub = HubProcess(*options)
        self.addCleanup(hub.stop)
        return hub

    def run_in_background(self, *arguments: str) -> Running:
        """
        Start a command that is closed after the test.
        """
        running = Running(*arguments)
        self.addCleanup(running.close)
        return running

    def kept(self, hub: HubProcess, topic: str, count: int) -> list[str]:
        """
        Return the data of the first *count* events in history.
        """
        done = run_command(
            *("tail", f"{hub.url}/events", "--topic", topic, "--json"),
            *("--since", "earliest", "--count", str(count)),
        )
        self.assertEqual(done.status, 0, done.err)
        return [json.loads(line)["data"] for line in done.out.splitlines()]

    def check_no_traceback(self, done: Done) -> None:
        """
        Check that stderr has no traceback.
        """
        self.assertNotIn("Traceback", done.err)
        self.assertNotIn("Unhandled", done.err)


class TailTests(HubTestCase):
    """
    ``twisted-sse tail``.
    """

    def test_json(self) -> None:
        """
        With --json, the reader of a pipe gets each event at once, one JSON object per line.
        """
        hub = self.start()
        tail = self.run_in_background(
            "tail", f"{hub.url}/events", "--topic", "a", "--json", "--control"
        )
        opening = json.loads(tail.line())

        run_command("publish", f"{hub.url}/events", "-t", "a", "--id", "x1", 'hé "\u2028"')
        event = json.loads(tail.line())

        self.assertEqual(opening["control"], "stream-open")
        self.assertEqual(
            (event["id"], event["event"], event["data"]), ("x1", "message", 'hé "\u2028"')
        )
        self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_interrupt(self) -> None:
        """
        Ctrl-C exits with status 0, a summary, and the command line that resumes.
        """
        hub = self.start()
        run_command("publish", f"{hub.url}/events", "-t", "a", "--id", "x1", "one")
        tail = self.run_in_background("tail", f"localhost:{hub.port}", "--since", "earliest")
        shown = tail.line()

        done = tail.end(signal.SIGINT)

        self.assertRegex(shown, r"^\S+Z  message  x1  one$")
        self.assertEqual(done.status, 0)
        said = done.err.splitlines()
        self.assertEqual(said[0], f"Following http://localhost:{hub.port}/events?topic=*")
        self.assertRegex(
            said[1], r"^1 event, 3 bytes of data, \S+ seconds, 0 reconnections, last event ID x1\.$"
        )
        self.assertEqual(
            said[2],
            "To go on from here: twisted-sse tail"
            f" 'http://localhost:{hub.port}/events?topic=*' --since x1",
        )
        self.assertEqual(len(said), 3)

    def test_interrupt_unanswered(self) -> None:
        """
        Ctrl-C exits with status 0 also before the server answers.
        """
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        tail = self.run_in_background("tail", f"localhost:{listening.getsockname()[1]}")
        connection, _ = listening.accept()
        self.addCleanup(connection.close)
        connection.recv(1)

        done = tail.end(signal.SIGINT)

        self.assertEqual(done.status, 0)
        self.assertIn("0 events", done.err)
        self.check_no_traceback(done)

    def test_count(self) -> None:
        """
        --count exits with status 0 after that number of events.
        """
        hub = self.start()
        run_command("publish", f"{hub.url}/events", "-t", "a", stdin="one\ntwo\nthree\n")

        self.assertEqual(self.kept(hub, "a", 2), ["one", "two"])

    def test_reader_leaves(self) -> None:
        """
        The command exits silently when the reader of its stdout is gone.
        """
        hub = self.start()
        tail = self.run_in_background("tail", f"{hub.url}/events", "-t", "a", "--since", "earliest")
        run_command("publish", f"{hub.url}/events", "-t", "a", "one")
        tail.line()
        assert tail.process.stdout is not None
        tail.process.stdout.close()
        tail.process.stdout = None
        run_command("publish", f"{hub.url}/events", "-t", "a", "two")

        done = tail.process.wait(20)
        assert tail.process.stderr is not None
        said = tail.process.stderr.read()

        self.assertEqual((done, said), (0, b""))

    def test_comes_back(self) -> None:
        """
        When the hub is killed and restarted, the stream resumes, and both are reported.
        """
        hub = self.start("--history", f"sqlite:{Path(self.mktemp()).resolve()}")
        tail = self.run_in_background("tail", f"{hub.url}/events", "-t", "a", "--since", "earliest")
        run_command("publish", f"{hub.url}/events", "-t", "a", "one")
        first = tail.line()
        hub.kill()
        hub.restart()
        run_command("publish", f"{hub.url}/events", "-t", "a", "two")
        second = tail.line()

        done = tail.end(signal.SIGTERM)

        self.assertTrue(first.endswith("  one"), first)
        self.assertTrue(second.endswith("  two"), second)
        self.assertIn("The stream is lost: ", done.err)
        self.assertIn("The stream is back.", done.err)
        self.assertIn("1 reconnection", done.err)
        self.check_no_traceback(done)

    def test_refused(self) -> None:
        """
        A refusal exits with status 2 and the hub's own sentence.
        """
        hub = self.start("--anonymous", "no")

        done = run_command("tail", f"{hub.url}/events", "--topic", "a", token=None)

        self.assertEqual(done.status, 2)
        self.assertIn("Subscribing needs a token", done.err)
        self.assertIn("TWISTED_SSE_TOKEN", done.err)
        self.check_no_traceback(done)

    def test_certificate(self) -> None:
        """
        The certificate must be trusted: by the system or by --cafile.
        """
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        certificate, key = write_certificate(directory)
        hub = self.start("--tls-cert", str(certificate), "--tls-key", str(key))
        url, trust = f"{hub.url}/events?topic=a", ("--cafile", str(certificate))

        published = run_command("publish", url, "hello", *trust)
        trusted = run_command("tail", url, "--since", "earliest", "-n", "1", *trust)
        untrusted = run_command("tail", url)

        self.assertEqual((published.status, trusted.status), (0, 0), published.err + trusted.err)
        self.assertIn("  hello\n", trusted.out)
        self.assertEqual(untrusted.status, 3)
        self.assertIn("certificate is not trusted", untrusted.err)

    def test_full_pipe(self) -> None:
        """
        SIGTERM ends the command although nobody reads its output.
        """
        body = b"data: \xc2\x9b%b\n\n" % (b"x" * 1000) * 1000
        port, _ = serve(self, _STREAM + body)
        for options in ((), ("--json",)):
            tail = self.run_in_background("tail", f"http://127.0.0.1:{port}/", *options)
            eventually(lambda tail=tail: unread(tail) > 40_000, "the pipe is not full")

            tail.process.send_signal(signal.SIGTERM)

            self.assertEqual(tail.process.wait(20), 0)
            shown = tail.end().out
            self.assertNotIn("\x9b", shown)
            self.assertIn("\\u009b" if options else "\\x9b", shown)

    def test_data_once(self) -> None:
        """
        A request with a body is made once: the end of its stream is the end.
        """
        body = b'data: {"d":"hi"}\n\ndata: [DONE]\n\n'
        whole = _STREAM.replace(b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n" % len(body)) + body
        cut = whole[:-2]
        for answer, options, status, words in (
            (whole, ("--data", '{"stream":true}'), 0, "The stream has ended."),
            (_STREAM + body, ("--data", "x"), 0, "The stream has ended."),
            (whole, ("--once",), 0, "The stream has ended."),
            (cut, ("--data", "x"), 3, "The stream is lost: "),
            (b"HTTP/1.1 503 x\r\n\r\n", ("--data", "x", "--wait"), 3, "answered 503"),
        ):
            port, requests = serve(self, answer)
            done = run_command("tail", f"http://127.0.0.1:{port}/v1", *options)

            self.assertEqual(done.status, status, done.err)
            self.assertIn(words, done.err)
            self.assertEqual(len(requests), 1)
            self.check_no_traceback(done)

    def test_reconnect(self) -> None:
        """
        On request, a request with a body is made again.
        """
        port, requests = serve(self, _STREAM + b"retry: 100\ndata: x\n\n")
        url = f"http://127.0.0.1:{port}/v1"

        done = run_command("tail", url, "--data", "x", "--reconnect", "--count", "2")

        self.assertEqual((done.status, len(requests)), (0, 2))

    def test_wrong_scheme(self) -> None:
        """
        https for http, and http for https, are said at once.
        """
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        certificate, key = write_certificate(directory)
        plain = self.start()
        secure = self.start("--tls-cert", str(certificate), "--tls-key", str(key))

        https = run_command("tail", f"https://localhost:{plain.port}/events?topic=a")
        http = run_command("tail", f"http://localhost:{secure.port}/events?topic=a")
        publish = run_command(
            "publish", f"https://localhost:{plain.port}/events?topic=a", "x", "--give-up", "0"
        )

        self.assertEqual((https.status, http.status, publish.status), (3, 3, 3))
        self.assertIn("use http:// for https://", https.err)
        self.assertIn("use https://", http.err)
        self.assertIn("was not published", publish.err)
        self.assertIn("use http:// for https://", publish.err)

    def test_encoding(self) -> None:
        """
        An encoding that cannot be read exits with status 2 at once.
        """
        head = _STREAM.replace(b"\r\n\r\n", b"\r\nContent-Encoding: br\r\n\r\n")
        port, _ = serve(self, head + b"\x0b\x05\x80data: x\n\n\x03")

        done = run_command("tail", f"http://127.0.0.1:{port}/")

        self.assertEqual(done.status, 2)
        self.assertIn("encoded with br", done.err)

    def test_nobody(self) -> None:
        """
        Without a server the command exits with status 3.
        """
        done = run_command("tail", f"localhost:{free_port()}")

        self.assertEqual(done.status, 3)
        self.assertIn("cannot be reached", done.err)
        self.check_no_traceback(done)


class PublishTests(HubTestCase):
    """
    ``twisted-sse publish``.
    """

    def test_one(self) -> None:
        """
        Publishing one event prints its ID.
        """
        hub = self.start()

        done = run_command("publish", f"{hub.url}/events?topic=a", "hello", "--event", "greeting")

        self.assertEqual((done.status, done.err), (0, ""))
        self.assertRegex(done.out, r"^[0-9a-f]{16}-1\n$")
        self.assertEqual(self.kept(hub, "a", 1), ["hello"])

    def test_as_they_come(self) -> None:
        """
        Lines are published soon after they arrive, before a batch is full.
        """
        hub = self.start()
        publish = self.run_in_background("publish", f"{hub.url}/events", "-t", "a", "-")
        publish.write("one\n")
        first = self.kept(hub, "a", 1)
        publish.write("two\r\n\nthree")

        done = publish.end()

        self.assertEqual(first, ["one"])
        self.assertEqual(self.kept(hub, "a", 4), ["one", "two", "", "three"])
        self.assertEqual(done.status, 0)
        self.assertRegex(done.err, r"^Published 4 events in \S+ seconds, \d+ a second\.\n$")

    def test_file(self) -> None:
        """
        All lines of a regular file are published in order.
        """
        hub = self.start()
        path = Path(self.mktemp())
        path.write_text("".join(f"{number}\n" for number in range(2345)), "utf-8")
        with path.open("rb") as file:
            publish = Running("publish", f"{hub.url}/events", "-t", "a", stdin=file)
            self.addCleanup(publish.close)
            done = publish.end()

        self.assertEqual(done.status, 0, done.err)
        self.assertEqual(self.kept(hub, "a", 2345), [str(number) for number in range(2345)])

    def test_ndjson(self) -> None:
        """
        NDJSON lines name their own topics; the first bad line stops the command, with its number.
        """
        hub = self.start()
        lines = [
            '{"topic":"a","data":{"x":1}}',
            "",
            '{"data":"y"}',
            '{"data":"z","color":"red"}',
            "{}",
        ]

        done = run_command(
            "publish", f"{hub.url}/events", "-t", "b", "--ndjson", stdin="\n".join(lines)
        )

        self.assertEqual(done.status, 2)
        self.assertIn("Published 2 events", done.err)
        self.assertIn("Line 4: Unknown key 'color'", done.err)
        self.assertEqual((self.kept(hub, "a", 1), self.kept(hub, "b", 1)), (['{"x":1}'], ["y"]))

    def test_skip_bad(self) -> None:
        """
        --skip-bad goes on after bad lines, and says which were not published.
        """
        hub = self.start("--max-body", "2000")
        lines = [
            '{"topic":"a","data":"one"}',
            "no JSON",
            '{"topic":"a","data":"%s"}' % ("x" * 3000),
        ]
        lines += ['{"topic":"a","data":"two"}']

        done = run_command(
            "publish", f"{hub.url}/events", "--ndjson", "--skip-bad", stdin="\n".join(lines)
        )

        self.assertEqual(done.status, 2, done.err)
        self.assertIn("Line 2: it is not JSON", done.err)
        self.assertRegex(done.err, r"Line 3: .*413.* This line was not published\.")
        self.assertIn("Published 2 events", done.err)
        self.assertIn("2 lines were not published.", done.err)
        self.assertEqual(self.kept(hub, "a", 2), ["one", "two"])

    def test_refused(self) -> None:
        """
        A refusal exits with status 2, the hub's own sentence and the line numbers.
        """
        hub = self.start()

        done = run_command("publish", f"{hub.url}/events", "-t", "a", token="x", stdin="1\n2\n")

        self.assertEqual(done.status, 2)
        self.assertIn("The batch of lines 1 to 2 was refused", done.err)
        self.assertIn("This token is not known here.", done.err)
        self.check_no_traceback(done)

    def test_gives_up(self) -> None:
        """
        Without a server the command gives up after --give-up seconds, and names the lines.
        """
        url = f"http://localhost:{free_port()}/events"

        done = run_command("publish", url, "-t", "a", "--give-up", "1", stdin="1\n2\n")

        self.assertEqual(done.status, 3)
        self.assertIn("The batch of lines 1 to 2 was not published.", done.err)
        self.check_no_traceback(done)

    def test_killed_hub(self) -> None:
        """
        A hub that is killed repeatedly keeps every line once, and in order.
        """
        hub = self.start("--history", f"sqlite:{Path(self.mktemp()).resolve()}")
        publish = self.run_in_background("publish", f"{hub.url}/events", "-t", "a")
        writing = threading.Thread(target=self.write_numbers, args=(publish, 30000))
        writing.start()
        for number in (1, 2):
            # Kill the hub in the middle of the input.
            eventually(lambda number=number: len(self.kept(hub, "a", number)) == number, "no event")
            hub.kill()
            hub.restart()
        writing.join()

        done = publish.end()

        self.assertEqual(done.status, 0, done.err)
        self.assertIn("Published 30000 events", done.err)
        self.assertEqual(self.kept(hub, "a", 30000), [str(number) for number in range(30000)])
        self.check_no_traceback(done)

    def write_numbers(self, publish: Running, count: int) -> None:
        """
        Write *count* lines, and close the pipe.
        """
        for start in range(0, count, 100):
            publish.write("".join(f"{number}\n" for number in range(start, start + 100)))
        assert publish.process.stdin is not None
        publish.process.stdin.close()
        publish.process.stdin = None

    def test_swallowed_answer(self) -> None:
        """
        A batch that was kept is not sent again if the response was lost.
        """
        hub = self.start()
        forwarder = Swallower(hub.port, 1)
        self.addCleanup(forwarder.close)

        url = f"http://localhost:{forwarder.port}/events"
        done = run_command("publish", url, "-t", "a", stdin="one\ntwo\n")
        run_command("publish", f"{hub.url}/events", "-t", "a", "last")

        self.assertEqual(done.status, 0, done.err)
        self.assertIn("was lost before the response", done.err)
        self.assertEqual(self.kept(hub, "a", 3), ["one", "two", "last"])

    def test_interrupt(self) -> None:
        """
        Ctrl-C during a request exits with status 130, and names the uncertain lines.
        """
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        url = f"http://localhost:{listening.getsockname()[1]}/events"
        publish = self.run_in_background("publish", url, "-t", "a")
        publish.write("1\n2\n")
        connection, _ = listening.accept()
        self.addCleanup(connection.close)
        connection.recv(1)

        done = publish.end(signal.SIGINT)

        self.assertEqual(done.status, 130)
        self.assertIn("Interrupted. The batch of lines 1 to 2 may have been published", done.err)
        self.check_no_traceback(done)

    def test_unreadable(self) -> None:
        """
        If the hub refuses to tell what it has kept, the command exits with status 4.
        """
        forbidden = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
        port = self.serve([b"", forbidden, forbidden])

        done = run_command("publish", f"http://localhost:{port}/events", "-t", "a", stdin="1\n2\n")

        self.assertEqual(done.status, 4)
        self.assertIn("The batch of lines 1 to 2 may have been published.", done.err)
        self.check_no_traceback(done)

    def serve(self, answers: list[bytes]) -> int:
        """
        Answer one connection after the other, and close each.

        Returns:
            The port.
        """
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)

        def answer() -> None:
            for one in answers:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(one)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        port: int = listening.getsockname()[1]
        return port


class ProxyTests(HubTestCase):
    """
    HTTP proxies of the environment.
    """

    def use_proxy(self, name: str, target: int) -> list[bytes]:
        """
        Run a proxy that connects to one port, whatever it is asked for.

        Returns:
            The requests, as they come.
        """
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        heads: list[bytes] = []

        def carry(client: socket.socket) -> None:
            with client, socket.create_connection(("127.0.0.1", target)) as server:
                head = client.recv(65536)
                heads.append(head)
                if head.startswith(b"CONNECT "):
                    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                else:
                    method, url, rest = head.split(b" ", 2)
                    path = b"/" + url.split(b"/", 3)[3]
                    server.sendall(b" ".join([method, path, rest]))
                back = threading.Thread(target=pump, args=(server, client), daemon=True)
                back.start()
                pump(client, server)
                back.join()

        def accept() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=carry, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        os.environ[name] = f"http://me:secret@127.0.0.1:{listening.getsockname()[1]}"
        self.addCleanup(os.environ.pop, name)
        return heads

    def test_http(self) -> None:
        """
        Requests without TLS are made with absolute URLs.
        """
        hub = self.start()
        heads = self.use_proxy("http_proxy", hub.port)
        url = "http://hub.example/events"

        published = run_command("publish", url, "-t", "a", "hello")
        tail = run_command("tail", url, "-t", "a", "--since", "earliest", "-n", "1")
        doctor = run_command("doctor", f"{url}?topic=a", "--seconds", "3")

        self.assertEqual((published.status, tail.status), (0, 0), published.err + tail.err)
        self.assertIn("  hello\n", tail.out)
        self.assertEqual(doctor.status, 0, doctor.out)
        self.assertTrue(heads[0].startswith(b"POST http://hub.example/events HTTP/1.1\r\n"))
        self.assertIn(b"Proxy-Authorization: Basic bWU6c2VjcmV0\r\n", heads[0])
        self.assertIn(b"Host: hub.example\r\n", heads[0])

    def test_https(self) -> None:
        """
        Requests with TLS go through a tunnel, and verify the server itself.
        """
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        certificate, key = write_certificate(directory, "hub.example")
        hub = self.start("--tls-cert", str(certificate), "--tls-key", str(key))
        heads = self.use_proxy("https_proxy", hub.port)
        url, trust = "https://hub.example/events", ("--cafile", str(certificate))

        published = run_command("publish", url, "-t", "a", "hello", *trust)
        tail = run_command("tail", url, "-t", "a", "--since", "earliest", "-n", "1", *trust)
        untrusted = run_command("tail", url, "-t", "a")
        doctor = run_command("doctor", f"{url}?topic=a", "--seconds", "3", *trust)

        self.assertEqual((published.status, tail.status), (0, 0), published.err + tail.err)
        self.assertIn("  hello\n", tail.out)
        self.assertIn("certificate is not trusted", untrusted.err)
        self.assertIn("HTTP/2 is offered", doctor.out)
        for head in heads:
            self.assertTrue(head.startswith(b"CONNECT hub.example:443 HTTP/1.1\r\n"))
            self.assertIn(b"Proxy-Authorization: Basic bWU6c2VjcmV0\r\n", head)


_STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def serve(test: SynchronousTestCase, answer: bytes) -> tuple[int, list[bytes]]:
    """
    Answer every connection in the same way, and close it.

    Returns:
        The port, and the requests as they come.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    test.addCleanup(listening.close)
    requests: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        with connection, suppressed(OSError):
            requests.append(connection.recv(65536))
            connection.sendall(answer)

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    port: int = listening.getsockname()[1]
    return port, requests


def unread(running: Running) -> int:
    """
    Return the number of bytes in the pipe of stdout.
    """
    assert running.process.stdout is not None
    return int.from_bytes(fcntl.ioctl(running.process.stdout, FIONREAD, bytes(4)), sys.byteorder)


def pump(source: socket.socket, target: socket.socket) -> None:
    """
    Pass bytes on until one side has closed.
    """
    with suppressed(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


class Swallower(Forwarder):
    """
    A forwarder that drops the first responses, and closes their connections.

    Args:
        swallowed: The number of responses to drop.
    """

    def __init__(self, target_port: int, swallowed: int) -> None:
        self._swallowed = swallowed
        super().__init__(target_port)

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        if self._swallowed == 0:
            super()._carry(client, server)
            return
        self._swallowed -= 1
        asking = threading.Thread(target=self._pump, args=(client, server), daemon=True)
        asking.start()
        server.recv(1)
        client.shutdown(socket.SHUT_RDWR)
        asking.join()
        with self._lock:
            self._open -= {client, server}
            client.close()
            server.close()


class UsageTests(SynchronousTestCase):
    """
    Invalid command lines.
    """

    CASES = [
        ([], "Pass a command: tail, publish, doctor, token, history, connections, runs or top."),
        (["follow"], "Unknown command: follow"),
        (["tail"], "Pass a URL"),
        (["tail", "localhost", "--color"], "--color"),
        (["tail", "localhost", "--count", "many"], "--count"),
        (["tail", "ftp://localhost"], "ftp"),
        (["tail", "localhost", "--header", "x"], "--header"),
        (["tail", "localhost", "--token-file", "/nonexistent/tokens"], "/nonexistent/tokens"),
        (["tail", "localhost", "--cafile", os.devnull], "--cafile"),
        (["publish", "localhost"], "--topic"),
        (["publish", "localhost", "-t", "a", "two", "words"], "Quote"),
        (["publish", "localhost", "-t", "a", "--retry", "soon", "x"], "--retry"),
        (["publish", "localhost", "-t", "a", "--id", " x", "x"], "id"),
        (["doctor", "localhost", "--seconds", "0"], "--seconds"),
        (["connections"], "Pass the URL of --admin, such as http://localhost:9090."),
        (["connections", "localhost", "--lag", "few"], "--lag"),
        (["connections", "localhost", "another"], "'another' is too much"),
        (["top", "localhost", "--count", "0"], "--count"),
    ]

    def test_one_sentence(self) -> None:
        """
        An invalid command line exits with status 1 and one sentence that names the mistake.
        """
        for arguments, word in self.CASES:
            done = run_command(*arguments)

            self.assertEqual((done.status, done.out), (1, ""), arguments)
            self.assertEqual(len(done.err.splitlines()), 1, done.err)
            self.assertIn(word, done.err)

    def test_help(self) -> None:
        """
        --help and --version print to stdout, and exit with status 0.
        """
        for arguments in (["--help"], ["tail", "--help"], ["--version"], ["doctor", "--version"]):
            done = run_command(*arguments)

            self.assertEqual((done.status, done.err), (0, ""), arguments)
            self.assertIn("twisted-sse", done.out)
