"""
Another configuration for a running hub; `tests.e2e.test_reload` has real processes.
"""

import json
import os
from pathlib import Path
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent

from tests.server.commandline import TARGET, CommandLineTests, Running
from tests.support.http import Answer, Caller
from tests.support.tokens import SECRET, jwk, signed, signer
from twisted_sse.server.build import make_server
from twisted_sse.server.config.config import read_config
from twisted_sse.server.config.option import Given
from twisted_sse.server.config.options import option_named
from twisted_sse.server.config.sources import find_sources
from twisted_sse.server.reconfiguration import Reconfiguration

__all__ = ["AccessTests", "ChangeTests", "LimitTests", "RefusedTests"]


class Configured(Running):
    """
    A hub with a configuration file, running on a reactor in memory.
    """

    def __init__(self, path: str, **command_line: str) -> None:
        self.reactor: Any = MemoryReactorClock()
        sources = find_sources(
            path, {name: Given((text,), "", f"--{name}") for name, text in command_line.items()}
        )
        given = sources.read()
        config = read_config(given)
        self.reconfiguration = Reconfiguration(config, given, sources)
        self.service = make_server(config, self.reactor, reconfiguration=self.reconfiguration)
        self.service.privilegedStartService()
        self.service.startService()


class ReconfigurationTestCase(CommandLineTests):
    """
    The base of tests with a file that changes.
    """

    def start(self, *lines: str, **command_line: str) -> Configured:
        """
        Start a hub with a file of *lines*.
        """
        self.path = Path(self.mktemp())
        self.path.write_text("\n".join(lines), "utf-8")
        self.hub = Configured(str(self.path), **command_line)
        return self.hub

    def change(self, *lines: str) -> list[str]:
        """
        Replace the lines, let the hub read them, and return what it logs.
        """
        self.path.write_text("\n".join(lines), "utf-8")
        with capturedLogs() as logs:
            self.hub.reconfiguration.reload()
        self.hub.reactor.advance(0)
        return [formatEvent(event) for event in logs]

    def tokens(self, *tokens: str) -> str:
        """
        Write a file of tokens, and return the line that names it.
        """
        path = self.file("\n".join(tokens).encode("ascii"))
        return f'publish-token-file = "{path}"'

    def stream(self, token: str = "") -> Caller:
        """
        Open a stream.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        caller = self.hub.ask("GET", TARGET, headers)
        self.assertEqual(caller.answer.status, 200)
        return caller

    def publish(self, token: str, body: bytes = b"topic=news&data=hello") -> Answer:
        """
        Publish an event.
        """
        return self.hub.post(body, token)


class ChangeTests(ReconfigurationTestCase):
    """
    What the log says, and what applies afterward.
    """

    def test_nothing(self) -> None:
        """
        A file that says the same as before changes nothing.
        """
        self.start("max-topics = 5")

        self.assertEqual(
            self.change("max-topics = '5' # five"), ["The configuration has not changed"]
        )

    def test_values(self) -> None:
        """
        Each option that has changed is logged with both of its values.
        """
        self.start("max-topics = 5")

        self.assertEqual(
            self.change('cors-origin = "https://a.example"'),
            [
                'The configuration has changed: cors-origin is ["https://a.example"], and was'
                " not set",
                "The configuration has changed: max-topics is 100, and was 5",
            ],
        )

    def test_secret(self) -> None:
        """
        A secret is not logged.
        """
        before, after = "before" * 8, "after" * 10
        self.start(f'jwt-key = "{before}"')
        log = self.change(f'jwt-key = "{after}"')

        self.assertEqual(log, ['The configuration has changed: jwt-key is "***", and was "***"'])

    def test_command_line(self) -> None:
        """
        The command line counts as before, whatever the file says.
        """
        self.start("max-topics = 5", **{"max-topics": "7"})

        self.assertEqual(self.change("max-topics = 6"), ["The configuration has not changed"])

    def test_fixed(self) -> None:
        """
        One warning names the options that need a restart, as often as it is true.
        """
        self.start()
        lines = ("keepalive = 3", "port = 9", "max-topics = 5")
        first, second = self.change(*lines), self.change(*lines)
        warning = (
            "The configuration has changed, but a restart of the hub is needed for port, keepalive"
        )

        self.assertEqual(
            first, ["The configuration has changed: max-topics is 5, and was 100", warning]
        )
        self.assertEqual(second, [warning])

    def test_directory(self) -> None:
        """
        Relative paths start where the hub was started, although its directory changes.
        """
        home = Path(self.mktemp()).absolute()
        home.mkdir()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(home)
        Path("tokens").write_text("first\n", "utf-8")
        self.path = Path("hub.toml")
        self.path.write_text('publish-token-file = "tokens"\n', "utf-8")
        self.hub = Configured("hub.toml")
        os.chdir("/")
        self.path = home / "hub.toml"
        home.joinpath("others").write_text("second\n", "utf-8")
        self.change('publish-token-file = "others"')

        self.assertEqual(self.publish("second").status, 200)

    def test_streams(self) -> None:
        """
        Streams that are open stay, and get what is published.
        """
        self.start(self.tokens("first"))
        stream = self.stream()
        self.change(self.tokens("first"), 'cors-origin = "*"', "max-topics = 1", "retry = 10")
        self.publish("first")

        self.assertFalse(stream.answer.ended)
        self.assertIn("hello", [event.data for event in stream.answer.events])

    def test_origins(self) -> None:
        """
        Other pages may use the hub.
        """
        self.start('cors-origin = "https://a.example"')
        self.change('cors-origin = "https://b.example"')
        answers = [
            self.hub.get(TARGET, {"Origin": f"https://{name}.example"}) for name in ("a", "b")
        ]

        self.assertEqual([one.status for one in answers], [403, 200])

    def test_subscriptions(self) -> None:
        """
        The subscriptions that Mercure tells of are the same after a change.
        """
        self.start(self.tokens("first"), "subscriptions = true")
        self.hub.ask("GET", "/.well-known/mercure?topic=news")
        self.change(self.tokens("first"), "subscriptions = true", "max-topics = 1")
        told = self.hub.get("/.well-known/mercure/subscriptions", {"Authorization": "Bearer first"})

        self.assertEqual(told.status, 200)
        self.assertEqual([one["active"] for one in told.json["subscriptions"]], [True])

    def test_access_log(self) -> None:
        """
        The access log begins and ends.
        """
        self.start()
        self.change("access-log = true")
        stream = self.stream()
        with capturedLogs() as logs:
            stream.transport.loseConnection()
        self.change()
        later = self.stream()
        with capturedLogs() as silent:
            later.transport.loseConnection()

        self.assertEqual(len(logs), 1)
        self.assertEqual(silent, [])

    def test_described(self) -> None:
        """
        The options that can be changed are those that the table says.
        """
        names = ("cors-origin", "max-connections", "jwt-key-file", "log-level", "grace")
        fixed = ("port", "history", "keepalive", "demo", "trusted-proxy")

        self.assertTrue(all(option_named(name).reloadable for name in names))
        self.assertFalse(any(option_named(name).reloadable for name in fixed))


class LimitTests(ReconfigurationTestCase):
    """
    Limits, which apply to what begins afterward.
    """

    def test_topics(self) -> None:
        """
        A subscription may have another number of topics.
        """
        self.start("max-topics = 1")
        target = "/events?topic=a&topic=b"
        before = self.hub.get(target).status
        self.change("max-topics = 2")

        self.assertEqual((before, self.hub.get(target).status), (400, 200))

    def test_connections(self) -> None:
        """
        No stream ends for a lower limit, and a new one is refused.
        """
        self.start("max-connections = 3")
        streams = [self.stream(), self.stream()]
        self.change("max-connections = 1")

        self.assertEqual(self.hub.get().status, 503)
        self.assertEqual([one.answer.ended for one in streams], [False, False])

    def test_bodies(self) -> None:
        """
        A larger body is refused, in every version of the limit.
        """
        self.start(self.tokens("first"), "max-body = 20")
        body = b"topic=news&data=" + b"x" * 100
        before = self.publish("first", body).status
        self.change(self.tokens("first"), "max-body = 200")
        between = self.publish("first", body).status
        self.change(self.tokens("first"), "max-body = 20")

        self.assertEqual((before, between, self.publish("first", body).status), (413, 200, 413))

    def test_rate(self) -> None:
        """
        A publisher may be slower or faster.
        """
        self.start(self.tokens("first"))
        self.change(self.tokens("first"), "max-publish-rate = 1")
        statuses = [self.publish("first").status for _ in range(12)]
        self.change(self.tokens("first"), "max-publish-rate = 'none'")

        self.assertEqual(statuses[9:], [200, 429, 429])
        self.assertEqual(self.publish("first").status, 200)

    def test_topics_of_event(self) -> None:
        """
        An event may have another number of topics.
        """
        self.start(self.tokens("first"))
        self.change(self.tokens("first"), "max-publication-topics = 1")

        self.assertEqual(self.publish("first", b"topic=a&topic=b&data=").status, 400)

    def test_reconnection(self) -> None:
        """
        New streams begin with the new reconnection time.
        """
        self.start("retry = 1000", "retry-spread = 0")
        self.change("retry = 70", "retry-spread = 0")

        self.assertEqual(self.stream().answer.events[0].retry, 70)


class AccessTests(ReconfigurationTestCase):
    """
    Tokens and keys.
    """

    def test_other_file(self) -> None:
        """
        Another file of tokens counts; the streams of tokens that it lacks end.
        """
        self.start(self.tokens("first", "second"))
        gone, kept = self.stream("first"), self.stream("second")
        self.change(self.tokens("second", "third"))

        self.assertEqual([gone.answer.ended, kept.answer.ended], [True, False])
        statuses = [self.publish(token).status for token in ("first", "second", "third")]
        self.assertEqual(statuses, [401, 200, 200])

    def test_removed_later(self) -> None:
        """
        A token that has stayed through a change still ends its streams when it goes.
        """
        self.start(self.tokens("first", "second"))
        stream = self.stream("first")
        self.change(self.tokens("first"))
        before = stream.answer.ended
        self.change(self.tokens("third"))

        self.assertEqual((before, stream.answer.ended), (False, True))

    def test_anonymous(self) -> None:
        """
        Subscribing may need a token from now on; streams without one stay.
        """
        tokens = self.tokens("first")
        self.start(tokens)
        stream = self.stream()
        self.change(tokens, "anonymous = false")

        self.assertEqual(self.hub.get().status, 401)
        self.assertFalse(stream.answer.ended)

    def test_generated(self) -> None:
        """
        A hub that loses its last token makes one, and logs it once.
        """
        self.start(self.tokens("first"))
        line = self.change()[-1]
        token = line.rpartition(" ")[2]
        again = self.change("max-topics = 5")

        self.assertEqual(self.publish(token).status, 200)
        self.assertEqual(len(again), 1)

    def test_key(self) -> None:
        """
        With another file of keys, the streams of a key that is in both stay, and end
        when it goes.
        """
        old, kept = ({"keys": [jwk(signer("ES256", one), one)]} for one in ("old", "kept"))
        both = {"keys": [*old["keys"], *kept["keys"]]}
        first, second, third = (
            f'jwks-file = "{self.file(json.dumps(one).encode())}"' for one in (both, kept, old)
        )
        self.start(first)
        streams = [self.stream(token(one)) for one in ("old", "kept")]
        self.change(second)
        between = [one.answer.ended for one in streams]
        self.change(third)

        self.assertEqual(between, [True, False])
        self.assertEqual([one.answer.ended for one in streams], [True, True])

    def test_no_key(self) -> None:
        """
        Without a key, the streams of tokens with one end, and none is accepted.
        """
        tokens = self.tokens("first")
        self.start(tokens, f'jwt-key = "{SECRET.decode()}"')
        own = signed({"exp": 1 << 40})
        stream = self.stream(own)
        self.change(tokens)

        self.assertTrue(stream.answer.ended)
        self.assertEqual(self.hub.get(TARGET, {"Authorization": f"Bearer {own}"}).status, 401)

    def test_certificates(self) -> None:
        """
        Other certificates are served, and the log names them.
        """
        certificate, key = self.certificate()
        other, other_key = self.certificate()
        self.start(f'tls-cert = "{certificate}"', f'tls-key = "{key}"')
        log = self.change(f'tls-cert = "{other}"', f'tls-key = "{other_key}"')

        self.assertEqual(len(log), 3)
        self.assertTrue(log[2].startswith("New certificate for "), log)


def token(name: str) -> str:
    """
    A token that is signed with the key of that name.
    """
    return signed(
        {"exp": 1 << 40}, key=signer("ES256", name), algorithm="ES256", header={"kid": name}
    )


class RefusedTests(ReconfigurationTestCase):
    """
    A configuration that cannot be used.
    """

    def test_sentences(self) -> None:
        """
        One warning says what is wrong, and where.
        """
        certificate, key = self.certificate()
        self.start("max-topics = 1")
        for lines, reason in (
            (("oops", "a = 1"), "{path}, line 1: this is not TOML: "),
            (("", "max-topics = 'x'"), "{path}, line 2: max-topics: 'x' is not a whole number"),
            (("max_topics = 2",), "{path}, line 1: there is no option 'max_topics'"),
            (("keepalive = 'often'",), "{path}, line 1: keepalive: 'often' is not"),
            (("cors-origin = 'x'",), "{path}, line 1: cors-origin: 'x' is not an origin"),
            (("publish-token-file = '/-/-'",), "{path}, line 1: publish-token-file: /-/-"),
            (
                (f"tls-cert = '{certificate}'", f"tls-key = '{key}'"),
                "{path}, line 1: tls-cert: whether ports have TLS is decided when the hub starts",
            ),
        ):
            with self.subTest(lines=lines):
                log = self.change(*lines)
                path = self.path.absolute()
                expected = f"The configuration in use stays, because {reason.format(path=path)}"

                self.assertEqual([one[: len(expected)] for one in log], [expected])

    def test_whole(self) -> None:
        """
        Nothing of it is used, not even what is good.
        """
        self.start("max-topics = 1", self.tokens("first"))
        self.change("max-topics = 2", self.tokens("second"), "cors-origin = 'nonsense'")

        self.assertEqual(self.hub.get("/events?topic=a&topic=b").status, 400)
        self.assertEqual(self.publish("first").status, 200)

    def test_no_file(self) -> None:
        """
        A file that is gone changes nothing.
        """
        self.start("max-topics = 1")
        self.path.unlink()
        with capturedLogs() as logs:
            self.hub.reconfiguration.reload()

        self.assertIn("cannot be read: No such file", formatEvent(logs[0]))

    def test_corrected(self) -> None:
        """
        The next change is compared with what is in use.
        """
        self.start("max-topics = 1")
        self.change("max-topics = 2", "oops = 1")

        self.assertEqual(
            self.change("max-topics = 3"),
            ["The configuration has changed: max-topics is 3, and was 1"],
        )
