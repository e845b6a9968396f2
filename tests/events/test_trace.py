"""
Traces of publications.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.events.codec import Decoder, encode
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.trace import is_traceparent, split_trace, trace_line, with_trace

__all__ = ["TraceTests"]

# The example of Trace Context, 3.2.
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class TraceTests(SynchronousTestCase):
    """
    The comment that has a trace.
    """

    def test_valid(self) -> None:
        """
        What the recommendation allows is a trace, and nothing else.
        """
        self.assertTrue(is_traceparent(TRACE))
        self.assertTrue(is_traceparent("cc" + TRACE[2:]))
        for text in (
            *("", TRACE[:-1], f"{TRACE}\n", f"{TRACE}-more", TRACE.upper(), f" {TRACE}"),
            *("ff" + TRACE[2:], f"00-{'0' * 32}-00f067aa0ba902b7-01"),
            f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
        ):
            self.assertFalse(is_traceparent(text), text)

    def test_split(self) -> None:
        """
        A trace is taken from an event as it was put there; the event's own comment stays.
        """
        for event in (ServerSentEvent("x", "price"), ServerSentEvent("x", comment="own\nlines")):
            self.assertEqual(split_trace(with_trace(event, TRACE)), (event, TRACE))
            self.assertEqual(split_trace(event), (event, None))

    def test_no_trace(self) -> None:
        """
        A comment that only looks like one stays as it is.
        """
        for comment in ("traceparent", "traceparent 00-1-2-3", f"x traceparent {TRACE}"):
            event = ServerSentEvent("x", comment=comment)

            self.assertEqual(split_trace(event), (event, None), comment)

    def test_line(self) -> None:
        """
        The line of a frame is what encoding the event would write.
        """
        event = ServerSentEvent("x", comment="own")
        traced = with_trace(event, TRACE)

        self.assertEqual(trace_line(TRACE) + encode(event), encode(traced))
        self.assertEqual(Decoder().feed(encode(traced)), [traced])
        self.assertEqual(trace_line(None), b"")
