"""
Findings from observations.
"""

from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from twisted_sse.cli.checks import (
    check_cors,
    check_head,
    check_headers,
    check_stream,
    check_version,
)
from twisted_sse.cli.findings import Finding, problem
from twisted_sse.cli.flow import Sent, check_flow, check_probes, check_resume, last_id
from twisted_sse.cli.probe import Arrival, Observation
from twisted_sse.events.event import ServerSentEvent

__all__ = ["AnswerTests", "FlowTests", "ProbesTests"]

STREAM = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}


def observed(
    headers: dict[str, str] | None = None, status: int = 200, **others: object
) -> Observation:
    """
    An observation of an answer with these headers.
    """
    given = Headers({name: [value] for name, value in (headers or {}).items()})
    values: dict[str, object] = {"answered": 0.01, "version": "HTTP/1.1", "watched": 40.0}
    return Observation(headers=given, status=status, **(values | others))  # type: ignore[arg-type]


def marks(findings: Iterable[Finding]) -> list[str]:
    """
    Return the marks of findings.
    """
    return [finding.mark for finding in findings]


class AnswerTests(SynchronousTestCase):
    """
    Checks of status and headers.
    """

    def test_stream(self) -> None:
        """
        Parameters of the media type are ignored; late headers are a problem.
        """
        self.assertEqual(marks(check_stream(observed(STREAM))), ["ok", "ok"])
        self.assertEqual(marks(check_stream(observed(STREAM, answered=5.0))), ["ok", "problem"])

    NO_STREAM = [
        (observed(status=401), "--token-file"),
        (observed(status=400, body_start=b'{"detail": "Say it."}'), "Say it."),
        (observed(status=502), "proxy"),
        (observed(status=204), "no stream"),
        (observed({"Location": "http://y/"}, 302), "http://y/"),
        (observed({"Content-Type": "text/html"}), "text/html"),
        (observed(answered=None), "No headers have come within 40 s"),
        (observed(answered=None, closed=0.1, reason="certificate verify failed"), "certificate"),
    ]

    def test_no_stream(self) -> None:
        """
        Any other answer is one problem, with an advice.
        """
        for answer, words in self.NO_STREAM:
            (finding,) = check_stream(answer)

            self.assertEqual(finding.mark, "problem")
            self.assertIn(words, finding.sentence + finding.advice)
            self.assertTrue(finding.advice)

    def test_headers(self) -> None:
        """
        Compression is a problem; headers that permit it, or buffering, are warnings.
        """
        self.assertEqual(marks(check_headers(observed(STREAM), observed(STREAM))), ["ok"] * 3)
        self.assertEqual(marks(check_headers(observed(), observed())), ["warning", "ok", "warning"])
        compressed = observed({"Content-Encoding": "br"})
        self.assertEqual(
            marks(check_headers(observed({"Server": "nginx"}), compressed))[1:], ["problem", "ok"]
        )

    def test_version(self) -> None:
        """
        HTTP/2 is best, and HTTP/1.0 is a problem.
        """
        self.assertEqual(check_version(observed(), True, "h2").mark, "ok")
        self.assertEqual(check_version(observed(), True, "http/1.1").mark, "warning")
        self.assertEqual(check_version(observed(), False, None).mark, "warning")
        self.assertEqual(check_version(observed(version="HTTP/1.0"), False, None).mark, "problem")

    def test_head(self) -> None:
        """
        An unanswered HEAD is a problem.
        """
        self.assertEqual(check_head(observed()).mark, "ok")
        self.assertEqual(check_head(observed(answered=None)).mark, "problem")

    def test_cors(self) -> None:
        """
        An origin may read with cookies and a token, without them, or not at all.
        """
        origin = "https://app.example"
        allow = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
        preflight = observed({"Access-Control-Allow-Headers": "Authorization, Last-Event-ID"}, 204)
        everybody = {"Access-Control-Allow-Origin": "*"}

        self.assertEqual(marks(check_cors(origin, observed(allow), preflight)), ["ok", "ok"])
        self.assertEqual(
            marks(check_cors(origin, observed(everybody), observed())), ["warning", "warning"]
        )
        self.assertEqual(marks(check_cors("https://y", observed(allow), preflight)), ["problem"])
        self.assertEqual(marks(check_cors(origin, observed(), preflight)), ["problem"])

    def test_lines(self) -> None:
        """
        A finding is one line, with the advice below it.
        """
        lines = [line.text for line in problem("It is wrong.", "Mend it.").lines()]

        self.assertEqual(lines, ["problem  It is wrong.", "         Mend it."])


class ProbesTests(SynchronousTestCase):
    """
    Events that were published as a test.
    """

    def test_too_late(self) -> None:
        """
        An event that was published just before the end is not missed.
        """
        came = Arrival(0.1, ServerSentEvent("a"))
        early = observed(STREAM, watched=1.0, arrivals=[came])

        self.assertEqual(check_probes([Sent(0.0, "a"), Sent(0.5, "b")], early).mark, "ok")
        self.assertEqual(check_probes([Sent(0.5, "b")], early).mark, "warning")
        later = observed(STREAM, watched=2.0, arrivals=[came])
        self.assertEqual(check_probes([Sent(0.0, "a"), Sent(0.5, "b")], later).mark, "problem")


class FlowTests(SynchronousTestCase):
    """
    Checks of a stream over time.
    """

    def came(self, *arrivals: tuple[float, ServerSentEvent], **others: object) -> Observation:
        """
        An observation of a stream with these arrivals.
        """
        return observed(STREAM, arrivals=[Arrival(*one) for one in arrivals], **others)

    def test_keepalive(self) -> None:
        """
        The keepalive interval is reported; a rare or missing keepalive is a warning.
        """
        comment = ServerSentEvent(comment="")
        often = list(check_flow(self.came((15.0, comment), (30.0, comment))))[-1]
        rarely = list(check_flow(self.came((70.0, comment), watched=80.0)))[-1]
        after = list(check_flow(self.came((3.0, ServerSentEvent("x")), (18.0, comment))))[-1]
        never = list(check_flow(self.came()))[-1]

        self.assertEqual(
            (often.mark, often.sentence), ("ok", "A keepalive comes after 15 s of silence.")
        )
        # Silence begins with the last event.
        self.assertEqual(after.sentence, often.sentence)
        self.assertEqual((rarely.mark, never.mark), ("warning", "warning"))
        self.assertIn("40 s of silence", never.sentence)

    def test_closed(self) -> None:
        """
        An end after silence is an idle timeout; any other end is the server's.
        """
        event = ServerSentEvent("x")
        idle = list(check_flow(self.came((1.0, event), closed=61.0)))[-1]
        ended = list(check_flow(self.came((1.0, event), closed=1.1)))[-1]

        self.assertEqual((idle.mark, ended.mark), ("problem", "problem"))
        self.assertIn("60.0 s were silent", idle.sentence)
        self.assertIn("every 60 s", idle.advice)
        self.assertNotIn("idle", ended.sentence)

    def test_retry(self) -> None:
        """
        A very short reconnection time is a warning.
        """
        for retry, mark in ((3000, "ok"), (0, "warning")):
            found, *_ = check_flow(self.came((0.1, ServerSentEvent(retry=retry))))

            self.assertEqual(found.mark, mark)
            self.assertIn(f"retry is {retry} ms", found.sentence)

    def test_probes(self) -> None:
        """
        Events that arrive late, or not at all, are a problem.
        """
        sent = [Sent(1.0, "a"), Sent(2.0, "b")]
        a, b = ServerSentEvent("a"), ServerSentEvent("b")

        self.assertEqual(check_probes(sent, self.came((1.1, a), (2.1, b))).mark, "ok")
        late = check_probes(sent, self.came((9.0, a), (9.0, b)))
        self.assertEqual(late.mark, "problem")
        self.assertIn("8.0 s late", late.sentence)
        self.assertIn("1 of 2", check_probes(sent, self.came((1.1, a))).sentence)

    def test_resume(self) -> None:
        """
        The stream must resume after its own ID, and report an unknown one.
        """
        resumed = self.came((0.0, ServerSentEvent('{"resumed":true}', event="stream-open")))
        reset = self.came((0.0, ServerSentEvent("{}", event="stream-reset")))
        silent = self.came((0.0, ServerSentEvent("x", event="stream-open")))

        self.assertEqual(marks(check_resume("1", resumed, reset)), ["ok", "ok"])
        self.assertEqual(marks(check_resume("1", reset, resumed)), ["problem", "warning"])
        self.assertEqual(marks(check_resume("1", silent, silent)), ["warning", "warning"])
        self.assertEqual(marks(check_resume("", None, silent)), ["warning", "warning"])

    def test_last_id(self) -> None:
        """
        The last ID counts, and "earliest" is not an ID.
        """
        first = (0.0, ServerSentEvent(id="earliest"))

        self.assertEqual(last_id(self.came(first)), "")
        self.assertEqual(last_id(self.came(first, (1.0, ServerSentEvent("x", id="7")))), "7")
