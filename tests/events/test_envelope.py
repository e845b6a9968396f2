"""
Events that tell the topics they came from.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.events.codec import Decoder, encode
from twisted_sse.events.control import BEGUN, CONTROL_EVENTS, ENDED
from twisted_sse.events.ending import Outcome
from twisted_sse.events.envelope import ENVELOPES, TopicEnvelope, put_into
from twisted_sse.events.event import ServerSentEvent

__all__ = ["EnvelopeTests"]


def enveloped(
    envelope: TopicEnvelope,
    event: ServerSentEvent,
    *topics: str,
    outcome: Outcome | None = None,
) -> ServerSentEvent:
    """
    Write *event* so that it tells *topics*, and read it again.
    """
    (read,) = Decoder().feed(put_into(envelope, encode(event), topics, None, outcome))
    return read


class EnvelopeTests(SynchronousTestCase):
    """
    Everything but the data, or the type, stays as it is.
    """

    EVENT = ServerSentEvent("a\nb", "price", "e-7", 50, "note")

    def test_topic(self) -> None:
        """
        The data becomes JSON of the topics and the data.
        """
        read = enveloped("topic", self.EVENT, "é", "b")

        self.assertEqual(read.json(), {"topics": ["é", "b"], "data": "a\nb"})
        self.assertEqual((read.event, read.id, read.retry), ("price", "e-7", 50))
        self.assertEqual(read.comment, "note")

    def test_control_events(self) -> None:
        """
        A control event about the stream stays as it is.
        """
        for type in CONTROL_EVENTS - {BEGUN, ENDED}:
            event = ServerSentEvent('{"reason":"failed"}', type, "e-7")
            for envelope in ENVELOPES:
                with self.subTest(type=type, envelope=envelope):
                    self.assertEqual(enveloped(envelope, event, "news"), event)

    def test_end(self) -> None:
        """
        The control events of topics have their type, and tell the topics.
        """
        for envelope in ENVELOPES:
            for type, data in ((ENDED, {"outcome": "done"}), (BEGUN, {})):
                with self.subTest(type=type, envelope=envelope):
                    event = ServerSentEvent.json(data, event=type, id="e-7")
                    read = enveloped(envelope, event, "a", "b", outcome="done")

                    self.assertEqual(read.json(), {**data, "topics": ["a", "b"]})
                    self.assertEqual((read.event, read.id), (type, "e-7"))

    def test_last_event(self) -> None:
        """
        A last event of the publisher tells in its data how its topics have ended.
        """
        read = enveloped("topic", self.EVENT, "a", outcome="failed")

        self.assertEqual(read.json(), {"topics": ["a"], "data": "a\nb", "end": "failed"})

    def test_type(self) -> None:
        """
        The type gets the first topic behind it, whatever the topic has in it.
        """
        cases = [
            (self.EVENT, ("a", "b"), "price@a"),
            (ServerSentEvent("x"), ("a@b",), "message@a@b"),
            (ServerSentEvent("x"), ("stream-open",), "message@stream-open"),
            (self.EVENT, (), "price"),
        ]
        for event, topics, type in cases:
            with self.subTest(type=type):
                read = enveloped("type", event, *topics)
                self.assertEqual((read.event, read.data), (type, event.data))
                self.assertNotIn(read.event, CONTROL_EVENTS)

    def test_no_data(self) -> None:
        """
        A block that is no event stays as it is.
        """
        frame = encode(ServerSentEvent(id="e-7", event="x"))

        self.assertEqual(put_into("topic", frame, ["a"]), frame)
        self.assertEqual(put_into("type", frame, ["a"]), frame)
