"""
The access log: requests, and streams that have ended.
"""

import re

from twisted.logger import capturedLogs, formatEvent

from tests.server.commandline import FORM, TARGET, CommandLineTests, Running
from tests.support.tokens import SECRET, signed
from twisted_sse.broker.connections.endlog import ACCESS_LOGGER

__all__ = ["AccessLogTests"]


class AccessLogTests(CommandLineTests):
    """
    ``--access-log``.
    """

    def running(self, *options: str) -> Running:
        """
        Run a hub with one token.
        """
        return Running("--publish-token-file", self.file(b"s3cret\n"), *options)

    def test_request(self) -> None:
        """
        A publication has one line, without its query, topic and token.
        """
        running = self.running("--access-log", "yes")
        with capturedLogs() as logged:
            running.post(b"topic=salaries&data=1", "s3cret")
            running.get("/healthz?token=s3cret")
        lines = [formatEvent(event) for event in logged]

        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], r'^\S+ - "POST /events HTTP/1\.1" 200 \d+ "-"$')
        self.assertRegex(lines[1], r'^\S+ - "GET /healthz HTTP/1\.1" 200 3 "-"$')

    def test_stream(self) -> None:
        """
        A stream has one line, when it ends, with what it was sent.
        """
        running = self.running("--access-log", "yes")
        with capturedLogs() as logged:
            caller = running.ask("GET", TARGET)
            running.post(b"topic=news&data=1", "s3cret")
            running.post(b"topic=other&data=1", "s3cret")
            running.reactor.advance(2.5)
            caller.leave()
        lines = [formatEvent(event) for event in logged if "stream" in formatEvent(event)]

        self.assertEqual(len(lines), 1)
        self.assertRegex(
            lines[0], r"^\S+ - stream ended: gone, after 2\.5 s, 1 topics, 1 events, \d+ bytes$"
        )

    def test_forged(self) -> None:
        """
        What a client sends cannot end the quotes, and is written in ASCII.
        """
        running = self.running("--access-log", "yes")
        with capturedLogs() as logged:
            running.get("/healthz", {"User-Agent": 'a" 200 "b\xe9'})
        (line,) = [formatEvent(event) for event in logged]

        self.assertTrue(line.endswith(r'"a\" 200 \"b\xc3\xa9"'), line)

    def line(self, *options: str, target: str = TARGET, token: str = "", body: bytes = b"") -> str:
        """
        Send one request to a hub with one stream, and return its line.
        """
        running = self.running("--access-log", "yes", *options)
        running.get(TARGET)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with capturedLogs() as logs:
            if body:
                running.ask("POST", target, {**FORM, **headers}, body)
            else:
                running.get(target, headers)
        lines = [formatEvent(event) for event in logs if event["log_namespace"] == ACCESS_LOGGER]
        self.assertEqual(len(lines), 1)
        return lines[0]

    def test_refused(self) -> None:
        """
        A refusal says why, with 401, 403, 429 and 503, and no topic.
        """
        body = b"topic=salaries&data=1"
        own = signed({"exp": 1 << 40, "sub": "ada", "mercure": {"publish": ["news"]}})
        key = ("--jwt-key", SECRET.decode())
        for given, status, reason in (
            ({"token": "wrong"}, 401, "This token is not known here."),
            ({"body": body}, 401, "Publishing needs a token: Authorization: Bearer TOKEN."),
            (
                {"body": body, "options": key, "token": own},
                403,
                "Your token does not allow publishing to all of these topics.",
            ),
            (
                {"options": ("--max-connections-per-address", "1")},
                429,
                "The limit of 1 connections from one address is reached.",
            ),
            (
                {"options": ("--max-connections", "1")},
                503,
                "The limit of 1 connections is reached.",
            ),
        ):
            options = given.pop("options", ())
            with self.subTest(status=status, reason=reason):
                target = "/events" if "body" in given else TARGET
                line = self.line(*options, target=target, **given)

                self.assertRegex(line, rf'" {status} \d+ "-" "{re.escape(reason)}"$')
                self.assertNotIn("salaries", line)

    def test_user(self) -> None:
        """
        The user whom the token names is in the lines of publications and refusals.
        """
        own = signed({"exp": 1 << 40, "sub": 'a "b"', "mercure": {"publish": ["news"]}})
        key = ("--jwt-key", SECRET.decode())
        lines = [
            self.line(*key, target="/events", token=own, body=body)
            for body in (b"topic=news&data=", b"topic=other&data=")
        ]

        self.assertRegex(lines[0], r'^\S+ a \\"b\\" "POST /events HTTP/1\.1" 200 ')
        self.assertRegex(lines[1], r'^\S+ a \\"b\\" "POST /events HTTP/1\.1" 403 ')

    def test_subscriptions(self) -> None:
        """
        The URL of a subscription, which has a topic in it, is cut.
        """
        line = self.line(
            "--subscriptions", "yes", target="/.well-known/mercure/subscriptions/salaries"
        )

        self.assertIn('"GET /.well-known/mercure/subscriptions/... HTTP/1.1" 401', line)

    def test_connection(self) -> None:
        """
        The URL of a connection, whose name is a secret, is cut.
        """
        line = self.line(target=f"/events/{'x' * 22}")

        self.assertIn('"GET /events/... HTTP/1.1" 405', line)

    def test_default(self) -> None:
        """
        By default neither is logged.
        """
        running = self.running()
        with capturedLogs() as logged:
            caller = running.ask("GET", TARGET)
            running.post(b"topic=news&data=1", "s3cret")
            caller.leave()

        self.assertEqual(logged, [])
