"""
The access log: requests, and streams that have ended.
"""

from twisted.logger import capturedLogs, formatEvent

from tests.server.commandline import TARGET, CommandLineTests, Running

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
