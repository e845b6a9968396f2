"""
A hub behind proxies, with the configurations of the documentation.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import CurlStream, publish
from tests.support.hub_process import TOKEN, HubProcess, run_twistd
from tests.support.processes import find_program
from tests.support.proxies import ProxyProcess
from tests.support.waiting import PATIENCE, eventually
from tests.test_docs import marked

__all__ = [
    "ApacheTests",
    "BackendTests",
    "CaddyHTTP2Tests",
    "CaddyTests",
    "HAProxyHTTP2Tests",
    "HAProxyTests",
    "NginxTests",
    "UnavailableTests",
    "VarnishTests",
]

# Where the clients connect from; Linux owns all of 127.0.0.0/8.
_CLIENT = "127.0.0.2"


class _ProxyCase:
    """
    What holds behind every proxy; a subclass names it.
    """

    class Tests(SynchronousTestCase):
        """
        The class is inside another, so that it is not collected itself.
        """

        NAME = ""
        HTTP2 = False

        def start(self, *options: str, idle: int = 60) -> None:
            """
            Start a hub with *options*, and the proxy before it.
            """
            trusted = ["--trusted-proxy", "127.0.0.1", "--access-log", "yes"]
            self.hub = HubProcess(*trusted, *options)
            self.addCleanup(self.hub.stop)
            self.proxy = ProxyProcess(
                self.NAME, self.configuration(), self.hub.port, idle, self.HTTP2
            )
            # Before the hub stops, so that it does not wait for the proxy.
            self.addCleanup(self.proxy.end)

        def configuration(self) -> str:
            """
            The block in the documentation.
            """
            if self.NAME == "nginx":
                return marked("nginx")[0].text
            (found,) = (one for one in marked("proxy") if one.mark[1] == self.NAME)
            return found.text

        def subscribe(self, *arguments: str) -> CurlStream:
            """
            Subscribe through the proxy, and wait for the beginning of the stream.
            """
            stream = CurlStream(
                *("--insecure", "--interface", _CLIENT),
                *arguments,
                f"{self.proxy.url}/events?topic=news",
            )
            self.addCleanup(stream.close)
            stream.wait_for("event: stream-open")
            return stream

        def publish(self, *data: str) -> list[str]:
            """
            Publish through the proxy.
            """
            return publish(self.proxy.url, TOKEN, "news", *data)

        def test_events(self) -> None:
            """
            A stream begins before there is an event, and events arrive while it is open, at
            once.
            """
            self.start()
            stream = self.subscribe()
            delays = []
            for data in ("one", "two", "three"):
                began = time.monotonic()
                self.publish(data)
                stream.wait_for(f"data: {data}\n\n")
                delays.append(time.monotonic() - began)

            self.assertRegex(stream.output(), r"^HTTP/[\d.]+ 200")
            # A busy machine delays one of them; a proxy that buffers would delay all.
            self.assertLess(min(delays), 1.0)

        def test_resume(self) -> None:
            """
            A subscriber that comes back receives exactly what it missed.
            """
            self.start()
            first, *_ = self.publish("one", "two", "three")
            stream = self.subscribe("--header", f"Last-Event-ID: {first}")
            stream.wait_for("data: three\n\n")

            self.assertIn('{"resumed":true,', stream.output())
            self.assertNotIn("data: one\n", stream.output())
            self.assertEqual(stream.output().count("data: two\n\n"), 1)

        def test_disconnect(self) -> None:
            """
            The hub notices that a subscriber has left although nothing is published, and
            knows its address, whatever it has written into the header itself.
            """
            self.start("--keepalive", "1")
            self.subscribe("--header", "X-Forwarded-For: 192.0.2.7").close()
            ended = eventually(self.ended, "the stream does not end")

            self.assertIn(_CLIENT, ended)
            self.assertNotIn("192.0.2.7", ended)

        def ended(self) -> str:
            """
            The line of the access log about the end of the stream, if it has ended.
            """
            lines = self.hub.log.splitlines()
            return next((line for line in lines if "stream ended" in line), "")

        def test_idle(self) -> None:
            """
            A stream without events outlives the proxy's time limit, because keepalives are
            more frequent.
            """
            self.start("--keepalive", "0.5", idle=2)
            stream = self.subscribe()
            stream.wait_for("\n:\n", 7)
            self.publish("late")

            stream.wait_for("data: late\n\n")
            self.assertEqual(self.ended(), "")


class NginxTests(_ProxyCase.Tests):
    """
    nginx.
    """

    NAME = "nginx"


class HAProxyTests(_ProxyCase.Tests):
    """
    HAProxy.
    """

    NAME = "haproxy"


class HAProxyHTTP2Tests(_ProxyCase.Tests):
    """
    HAProxy that speaks HTTP/2 with the hub.
    """

    NAME = "haproxy"
    HTTP2 = True


class CaddyTests(_ProxyCase.Tests):
    """
    Caddy.
    """

    NAME = "caddy"


class CaddyHTTP2Tests(_ProxyCase.Tests):
    """
    Caddy that speaks HTTP/2 with the hub.
    """

    NAME = "caddy"
    HTTP2 = True


class VarnishTests(_ProxyCase.Tests):
    """
    Varnish.
    """

    NAME = "varnish"


class ApacheTests(_ProxyCase.Tests):
    """
    Apache.
    """

    NAME = "apache"


class BackendTests(SynchronousTestCase):
    """
    A backend of HAProxy that tells the hub the addresses of clients.
    """

    def test_valid(self) -> None:
        """
        HAProxy accepts it.
        """
        (snippet,) = (one for one in marked("proxy") if one.mark[1] == "haproxy-backend")
        times = "".join(f"timeout {one} 60s\n" for one in ("connect", "client", "server"))
        path = Path(self.mktemp()).resolve()
        front = "frontend door\nbind 127.0.0.1:8443\ndefault_backend hub\n"
        path.write_text(f"defaults\nmode tcp\n{times}{front}{snippet.text}", "utf-8")
        haproxy = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
        command = [haproxy or find_program("haproxy", "haproxy"), "-c", "-f", str(path)]

        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        self.assertEqual(done.returncode, 0, done.stderr)


class UnavailableTests(SynchronousTestCase):
    """
    Configurations of proxies that Debian does not have.
    """

    def test_yaml(self) -> None:
        """
        They are YAML, and name the port of the hub; commands of hubs in them are understood.
        """
        for snippet in marked("yaml"):
            with self.subTest(place=snippet.place):
                self.assertIsInstance(yaml.safe_load(snippet.text), dict)
                self.assertIn("8080", snippet.text)
        commands = [
            words for one in marked("yaml") for words in _commands(yaml.safe_load(one.text))
        ]
        self.assertGreater(len(commands), 1)

        for words in commands:
            options = [word.replace("/data/", "./") for word in words[words.index("sse") + 1 :]]
            done = run_twistd(*options, "--check-config")
            self.assertEqual(done.returncode, 0, done.stdout)


def _commands(value: Any) -> Iterator[list[str]]:
    """
    The commands in a configuration of containers that start a hub.
    """
    if isinstance(value, dict):
        for name, one in value.items():
            if name in ("command", "args") and "twistd" in one:
                yield one.split() if isinstance(one, str) else one
            else:
                yield from _commands(one)
    elif isinstance(value, list):
        for one in value:
            yield from _commands(one)
