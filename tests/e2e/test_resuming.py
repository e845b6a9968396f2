"""
Resuming: a subscriber receives what it missed, or is told that it cannot be found.
"""

from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import CurlStream, publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.streams import RawStream

__all__ = ["ResumingTests"]

_MESSAGES = ["one", "two", "three", "four", "five"]


class ResumingTests(SynchronousTestCase):
    """
    A hub that has stored five events of a topic, alternating with those of another topic.
    """

    hub: HubProcess
    ids: list[str]

    @classmethod
    def setUpClass(cls) -> None:
        """
        Publish the events.
        """
        cls.hub = HubProcess()
        cls.addClassCleanup(cls.hub.stop)
        cls.ids = []
        for message in _MESSAGES:
            cls.ids += publish(cls.hub.url, TOKEN, "news", message)
            publish(cls.hub.url, TOKEN, "other", message)

    def resume(self, query: str, *headers: str) -> RawStream:
        """
        Subscribe to the topic, with a last event ID in *query* or *headers*.
        """
        stream = RawStream(self.hub.port, f"/events?topic=news{query}", *headers)
        self.addCleanup(stream.close)
        return stream

    def assert_missed(self, stream: RawStream, missed: list[str]) -> None:
        """
        Assert that *stream* begins with *missed*, and that a new event follows directly.
        """
        publish(self.hub.url, TOKEN, "news", "new")
        received = stream.data(len(missed) + 1)

        # Earlier tests have published "new" too.
        self.assertEqual(received[: len(missed)], missed)
        self.assertEqual(set(received[len(missed) :]), {"new"})

    def test_header(self) -> None:
        """
        With the ID of an older event, exactly the events after it arrive, in order.
        """
        stream = self.resume("", f"Last-Event-ID: {self.ids[1]}")

        opened = stream.named("stream-open")

        self.assertEqual(opened.json()["resumed"], True)
        self.assertEqual(opened.id, self.ids[1])
        self.assert_missed(stream, ["three", "four", "five"])

    def test_curl(self) -> None:
        """
        The same with curl, with event IDs.
        """
        stream = CurlStream(
            f"{self.hub.url}/events?topic=news", "--header", f"Last-Event-ID: {self.ids[2]}"
        )
        self.addCleanup(stream.close)

        stream.wait_for("data: five\n\n")

        expected = f"id: {self.ids[3]}\ndata: four\n\nid: {self.ids[4]}\ndata: five\n\n"
        self.assertIn('data: {"resumed":true,', stream.output())
        self.assertTrue(stream.output().endswith(f'"}}\n\n{expected}'), stream.output())

    def test_spellings(self) -> None:
        """
        The query may contain the last event ID under any usual spelling.
        """
        for name in ["last_event_id", "lastEventID", "lastEventId", "Last-Event-ID"]:
            with self.subTest(name):
                stream = self.resume(f"&{name}={quote(self.ids[3])}")

                self.assertEqual(stream.named("stream-open").json()["resumed"], True)
                self.assertEqual(stream.data(1), ["five"])

    def test_header_wins(self) -> None:
        """
        The header wins over the query, because a browser updates only the header.
        """
        stream = self.resume(f"&lastEventID={quote(self.ids[0])}", f"Last-Event-ID: {self.ids[3]}")

        self.assertEqual(stream.data(1), ["five"])

    def test_earliest(self) -> None:
        """
        "earliest" requests all of history.
        """
        stream = self.resume("&last_event_id=earliest")

        self.assertEqual(stream.data(5), _MESSAGES)

    def test_foreign_id(self) -> None:
        """
        After an unknown ID, stream-reset comes first, and then all of history.
        """
        stream = self.resume("", "Last-Event-ID: 0000-17")

        reset = stream.next()

        self.assertEqual(reset.event, "stream-reset")
        told = reset.json()
        self.assertEqual((told["reason"], told["lastEventID"]), ("unknown-id", "0000-17"))
        self.assert_missed(stream, _MESSAGES)

    def test_header_tells(self) -> None:
        """
        The response's header contains the position at which the stream begins.
        """
        known = self.resume("", f"Last-Event-ID: {self.ids[1]}")
        unknown = self.resume("", "Last-Event-ID: 0000-17")

        self.assertEqual(known.headers["last-event-id"], self.ids[1])
        self.assertNotEqual(unknown.headers["last-event-id"], "0000-17")

    def test_restart(self) -> None:
        """
        A history in memory is lost with the process, and returning subscribers are told so.
        """
        hub = HubProcess()
        self.addCleanup(hub.stop)
        (last,) = publish(hub.url, TOKEN, "news", "before")
        hub.kill()
        hub.restart()

        stream = RawStream(hub.port, "/events?topic=news", f"Last-Event-ID: {last}")
        self.addCleanup(stream.close)

        self.assertEqual(stream.named("stream-reset").json()["lastEventID"], last)
