"""
Events as lines.
"""

import io
import json

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.cli.console import Line, Span
from twisted_sse.cli.lines import as_json, as_lines
from twisted_sse.cli.printable import printable
from twisted_sse.cli.terminal import console_for
from twisted_sse.events.event import ServerSentEvent

__all__ = ["JSONTests", "LayoutTests", "TerminalTests"]

NOW = 1795275183.991
TIME = "2026-11-21T15:33:03.991Z"


class JSONTests(SynchronousTestCase):
    """
    Events as JSON.
    """

    def test_event(self) -> None:
        """
        The data is an unchanged string, and the output is one line.
        """
        line = as_json(ServerSentEvent('{"a":\n1}', id="é"), NOW)

        self.assertEqual(
            json.loads(line),
            {
                "id": "é",
                "event": "message",
                "data": '{"a":\n1}',
                "time": "2026-11-21T15:33:03.991Z",
            },
        )
        self.assertNotIn("\n", line)
        self.assertIn("é", line)

    def test_control(self) -> None:
        """
        A control event cannot be mistaken for an event.
        """
        event = ServerSentEvent("{}", event="stream-open", id="1")

        value = json.loads(as_json(event, NOW, control=True))

        self.assertEqual((value["control"], value["id"], value["data"]), ("stream-open", "1", "{}"))
        self.assertNotIn("event", value)


class LayoutTests(SynchronousTestCase):
    """
    Events as lines for people.
    """

    def lines(self, event: ServerSentEvent, width: int | None) -> list[str]:
        """
        Return the texts of the lines.
        """
        return [line.text for line in as_lines(event, NOW, width)]

    def test_pipe(self) -> None:
        """
        Without a terminal, data is not reformatted, and its lines stay.
        """
        long = '{"a": ' + "1" * 200 + "}"

        self.assertEqual(self.lines(ServerSentEvent(long), None), [f"{TIME}  message  {long}"])
        self.assertEqual(
            self.lines(ServerSentEvent("a\nb", id="1"), None),
            [f"{TIME}  message  1", "    a", "    b"],
        )

    def test_terminal(self) -> None:
        """
        JSON that does not fit on the line is indented; other text moves below.
        """
        event = ServerSentEvent('{"a":"bcdefgh"}', event="k", id="1")
        wide, narrow = self.lines(event, 80), self.lines(event, 30)
        text = self.lines(ServerSentEvent("{abcdefgh", event="k", id="1"), 20)

        self.assertTrue(wide[0].endswith('  k  1  {"a":"bcdefgh"}'), wide)
        self.assertEqual(narrow[1:], ["    {", '      "a": "bcdefgh"', "    }"])
        self.assertTrue(narrow[0].endswith("  k  1"), narrow)
        self.assertEqual(text[1:], ["    {abcdefgh"])

    def test_empty(self) -> None:
        """
        An event without data, type and ID shows its time.
        """
        (line,) = self.lines(ServerSentEvent(""), 80)

        self.assertRegex(line, r"^\d\d:\d\d:\d\d\.991  message  $")


class TerminalTests(SynchronousTestCase):
    """
    The console.
    """

    def test_no_terminal(self) -> None:
        """
        A file gets the unchanged text, and no bar.
        """
        file = io.StringIO()
        console = console_for(file)

        console.write(Line((Span("a\x1b[2J", "dim"), Span("b", "json")), 2))
        progress = console.progress(10)
        progress.show(5, "half")
        progress.end()

        self.assertEqual((file.getvalue(), console.width), ("  a\x1b[2Jb\n", None))

    def test_terminal(self) -> None:
        """
        Control characters are escaped on a terminal, with and without color.
        """
        for environment in ({"TERM": "dumb"}, {"TERM": "xterm"}):
            file = _Terminal()
            console_for(file, environment).write(Line((Span("a\x1b[2J\x9bb"),)))

            self.assertIn("a\\x1b[2J\\x9bb", file.getvalue())
            self.assertNotIn("\x1b[2J", file.getvalue())

    def test_printable(self) -> None:
        """
        Tabs and line ends are not escaped.
        """
        self.assertEqual(printable("a\tb\nc\0\x7f é"), "a\tb\nc\\x00\\x7f é")

    def test_kinds(self) -> None:
        """
        Control characters of every kind are escaped, and what people write is not.
        """
        for hostile, shown in (
            *(("\x1b[2J", "\\x1b[2J"), ("\r", "\\x0d"), ("\x7f", "\\x7f"), ("\x9b", "\\x9b")),
            *(("\u202e", "\\u202e"), ("\u2066", "\\u2066"), ("\u200f", "\\u200f")),
            *(("\u2028", "\\u2028"), ("\u061c", "\\u061c"), ("\U000e0041", "\\U000e0041")),
        ):
            self.assertEqual(printable(hostile), shown)
        harmless = "é \U0001f469\u200d\U0001f4bb \u05d0 \u0915\u094d\u200d"
        self.assertEqual(printable(harmless), harmless)

    def test_json(self) -> None:
        """
        JSON has no control characters, and its value is unchanged.
        """
        text = "".join(map(chr, [*range(256), *range(0x2000, 0x2100), 0x61C, 0xFEFF, 0xE0041]))
        file = io.StringIO()
        console_for(file).write_json(as_json(ServerSentEvent(text.replace("\r", "")), 0.0))

        line = file.getvalue()
        self.assertEqual(json.loads(line)["data"], text.replace("\r", ""))
        self.assertEqual(printable(line), line)
        self.assertNotIn("\t", line)

    def test_pipe(self) -> None:
        """
        An event is escaped in a pipe, too.
        """
        event = ServerSentEvent("a\x1b[2J\u202e", event="e\x9b", id="i\x7f")
        (line,) = as_lines(event, 0.0, None)

        self.assertTrue(line.text.endswith("  e\\x9b  i\\x7f  a\\x1b[2J\\u202e"), line.text)

    def test_sentence(self) -> None:
        """
        A sentence that quotes a server is escaped.
        """
        file = io.StringIO()
        console_for(file).say("The server says \x1b[2J.")

        self.assertEqual(file.getvalue(), "The server says \\x1b[2J.\n")

    def test_bar(self) -> None:
        """
        A bar is drawn, and removed.
        """
        for environment in ({"TERM": "dumb"}, {"TERM": "xterm"}):
            file = _Terminal()
            progress = console_for(file, environment).progress(None)
            progress.show(5, "half of it")
            progress.end()

            self.assertIn("half of it", file.getvalue())


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        """
        See `io.IOBase.isatty`.
        """
        return True
