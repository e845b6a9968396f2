"""
``twisted-sse doctor`` on streams with and without problems.
"""

import gzip
import os
import shutil
import signal
import socket
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.commands import Done, Running, run_command
from tests.support.hub_process import HubProcess
from tests.support.ports import free_port
from tests.support.processes import Background, find_program
from tests.support.waiting import eventually

__all__ = ["DoctorTests"]

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
    b"Cache-Control: no-store, no-transform\r\n"
)


class DoctorTests(SynchronousTestCase):
    """
    Findings for various servers.
    """

    def serve(self, answer: bytes, *, closes_after: float | None = None) -> int:
        """
        Answer every connection alike, and close it after *closes_after* seconds.

        Returns:
            The port.
        """
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        self.addCleanup(listening.shutdown, socket.SHUT_RDWR)
        over = threading.Event()
        self.addCleanup(over.set)

        def talk(connection: socket.socket) -> None:
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
                over.wait(closes_after)

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        port: int = listening.getsockname()[1]
        return port

    def start_nginx(self, upstream: int) -> int:
        """
        Run an nginx that buffers responses, whatever the hub's headers say.

        It uses HTTP/1.0 towards the hub, which was nginx's default for many years; it
        does not buffer chunked responses.

        Returns:
            Its port.
        """
        path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
        program = shutil.which("nginx", path=path) or find_program("nginx", "nginx")
        port = free_port()
        home = Path(self.mktemp()).resolve()
        home.mkdir()
        kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        paths = " ".join(f"{kind}_temp_path {home}/{kind};" for kind in kinds)
        location = (
            f"proxy_pass http://127.0.0.1:{upstream}; proxy_http_version 1.0;"
            " proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;"
        )
        home.joinpath("nginx.conf").write_text(
            f"daemon off; pid {home}/pid; worker_processes 1; events {{}}\n"
            f"http {{ access_log off; {paths}\n"
            f"server {{ listen {port}; location / {{ {location} }} }} }}\n",
            "utf-8",
        )
        nginx = Background([program, "-p", f"{home}/", "-c", "nginx.conf", "-e", "stderr"])
        self.addCleanup(nginx.end)
        eventually(lambda: self.listens(port), "nginx does not listen")
        return port

    def listens(self, port: int) -> bool:
        """
        Tell whether a port accepts connections.
        """
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def start_hub(self, *options: str) -> HubProcess:
        """
        Start a hub that is stopped after the test.
        """
        hub = HubProcess(*options)
        self.addCleanup(hub.stop)
        return hub

    def examine(self, port: int, *options: str) -> Done:
        """
        Run the doctor.
        """
        done = run_command("doctor", f"http://localhost:{port}/events?topic=a", *options)
        self.assertNotIn("Traceback", done.err)
        return done

    def test_hub(self) -> None:
        """
        A hub causes no problem.
        """
        hub = self.start_hub("--keepalive", "0.5", "--cors-origin", "http://x.example")

        done = self.examine(
            hub.port, "--seconds", "4", "--topic", "a", "--origin", "http://x.example"
        )

        self.assertEqual(done.status, 0, done.out)
        self.assertNotIn("problem", done.out)
        self.assertIn("Headers came at once", done.out)
        self.assertIn("Events came at once: the slowest of 3", done.out)
        self.assertIn("A keepalive comes after", done.out)
        self.assertRegex(done.out, "ok +The stream resumes after .*, and says so")
        self.assertIn("(stream-reset)", done.out)
        self.assertIn("Pages of http://x.example may read the stream, also with cookies", done.out)
        self.assertIn("The preflight allows pages to send Authorization", done.out)
        self.assertIn("HEAD is answered with 200", done.out)

    def test_topic_of_url(self) -> None:
        """
        Events are published to the topic of the URL.
        """
        hub = self.start_hub()

        done = self.examine(hub.port, "--seconds", "4")

        self.assertEqual(done.status, 0, done.out)
        self.assertIn("Events came at once: the slowest of ", done.out)

    def test_http2(self) -> None:
        """
        A hub with TLS offers HTTP/2.
        """
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        certificate, key = write_certificate(directory)
        hub = self.start_hub("--tls-cert", str(certificate), "--tls-key", str(key))
        url = f"{hub.url}/events?topic=a"

        done = run_command("doctor", url, "--seconds", "1", "--cafile", str(certificate))
        untrusted = run_command("doctor", url, "--seconds", "1")

        self.assertEqual(done.status, 0, done.out)
        self.assertIn("HTTP/2 is offered", done.out)
        self.assertEqual(untrusted.status, 2)
        self.assertIn("certificate verify failed", untrusted.out)

    def test_interrupt(self) -> None:
        """
        Ctrl-C exits with status 130, without output.
        """
        port = self.serve(_HEAD + b"\r\n")
        running = Running("doctor", f"http://localhost:{port}/events")
        self.addCleanup(running.close)
        assert running.process.stderr is not None
        running.process.stderr.readline()

        done = running.end(signal.SIGINT)

        self.assertEqual((done.status, done.out, done.err), (130, "", ""))

    def test_collecting_proxy(self) -> None:
        """
        An nginx that buffers events is a problem.
        """
        hub = self.start_hub()

        done = self.examine(self.start_nginx(hub.port), "--seconds", "4", "--topic", "a")

        self.assertEqual(done.status, 2, done.out)
        self.assertIn("proxy_buffering off", done.out)

    def test_compressing(self) -> None:
        """
        A server that compresses the stream is a problem.
        """
        head = _HEAD + b"Content-Encoding: gzip\r\n\r\n"

        done = self.examine(self.serve(head + gzip.compress(b":\n\n")), "--seconds", "1")

        self.assertEqual(done.status, 2, done.out)
        self.assertIn("get gzip, which holds events back", done.out)

    def test_idle_limit(self) -> None:
        """
        A connection that closes after three silent seconds has an idle timeout of three seconds.
        """
        port = self.serve(_HEAD + b"\r\ndata: x\n\n", closes_after=3)

        done = self.examine(port, "--seconds", "10")

        self.assertEqual(done.status, 2, done.out)
        self.assertRegex(
            done.out, r"problem +The stream was closed after 3\.\d s, .* looks like an idle"
        )
        self.assertIn("Send a comment more often than every 3 s", done.out)

    def test_no_stream(self) -> None:
        """
        A page that is not a stream is reported at once.
        """
        hub = self.start_hub()

        done = run_command("doctor", f"{hub.url}/", "--seconds", "1000")

        self.assertEqual(done.status, 2, done.out)
        self.assertIn("its Content-Type is text/html", done.out)

    def test_nobody(self) -> None:
        """
        Without a server the command exits with status 3.
        """
        done = self.examine(free_port())

        self.assertEqual((done.status, done.out), (3, ""))
        self.assertIn("cannot be reached", done.err)

    def test_refused(self) -> None:
        """
        A refusal is reported in the hub's own words.
        """
        hub = self.start_hub()

        done = run_command("doctor", f"{hub.url}/events")

        self.assertEqual(done.status, 2, done.out)
        self.assertIn("The answer is 400: Say what to subscribe to", done.out)
