"""
What hubs ask of each other: annotated streams, and parts of history.
"""

import json
from typing import Any
from urllib.parse import urlencode

from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import AbsentHistory, SlowHistory
from tests.support.http import Answer, Served
from twisted_sse import Grant
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.events.replication import encode_publication, note_of, read_record
from twisted_sse.history import MemoryHistory
from twisted_sse.web.auth import BearerTokens

__all__ = ["AnnotatedStreamTests", "ExcerptTests", "PlacesTests", "RefusalTests"]

TOKEN = "a-hub's"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def serve(history: Any = None) -> Served:
    """
    A hub that knows one token.
    """
    return Served(history, authorize=BearerTokens([TOKEN]), keepalive=None)


def ask(served: Served, excerpt: str, headers: Any = None, **parameters: str) -> Answer:
    """
    Ask for an excerpt as an edge does.
    """
    query = {"topic": "*", "annotate": "comment", "excerpt": excerpt, **parameters}
    return served.get(f"/events?{urlencode(query)}", BEARER if headers is None else headers)


def head(answer: Answer) -> dict[str, Any]:
    """
    What an excerpt begins with.
    """
    return note_of(answer.events[0].comment)[0]


def data(answer: Answer) -> list[str | None]:
    """
    The data of what was found.
    """
    return [read_record(event).publication.event.data for event in answer.events[1:]]


class ExcerptTests(SynchronousTestCase):
    """
    Parts of history.
    """

    def setUp(self) -> None:
        """
        Three events on two topics.
        """
        self.served = serve()
        self.ids = self.served.publish("a", "b", topic="one")
        self.ids += self.served.publish("c", topic="two", private=True)

    def test_since(self) -> None:
        """
        What follows an event, as it was kept, and that this is all of it.
        """
        answer = ask(self.served, "since", last_event_id=self.ids[0], limit="9")

        self.assertEqual((answer.status, answer.ended), (200, True))
        self.assertEqual(answer.header("Content-Type"), "text/event-stream")
        self.assertEqual(head(answer), {"count": 2})
        kept = [read_record(event) for event in answer.events[1:]]
        self.assertEqual([one.number for one in kept], [2, 3])
        self.assertEqual([one.id for one in kept], self.ids[1:])
        self.assertEqual([one.publication.topics for one in kept], [("one",), ("two",)])
        self.assertEqual([one.publication.private for one in kept], [False, True])

    def test_since_oldest(self) -> None:
        """
        Without an event ID it is what follows from the oldest on, at most so many.
        """
        self.assertEqual(data(ask(self.served, "since", limit="2")), ["a", "b"])

    def test_since_of_topics(self) -> None:
        """
        Only what is wanted.
        """
        self.assertEqual(data(ask(self.served, "since", topic="two", limit="9")), ["c"])

    def test_unknown(self) -> None:
        """
        An ID that is not kept is unknown, which is no error of the request.
        """
        for excerpt in ("since", "locate"):
            answer = ask(self.served, excerpt, last_event_id="nobody's")
            self.assertEqual((answer.status, head(answer)), (200, {"unknown": True, "count": 0}))

    def test_tail(self) -> None:
        """
        The newest, and where they begin.
        """
        answer = ask(self.served, "tail", limit="2")

        before = {"number": 1, "id": self.ids[0]}
        self.assertEqual(head(answer), {"before": before, "count": 2})
        self.assertEqual(data(answer), ["b", "c"])

    def test_locate(self) -> None:
        """
        Where an event stands, whether something follows it or not.
        """
        for number, event_id in enumerate(self.ids, 1):
            answer = ask(self.served, "locate", last_event_id=event_id)
            position = {"number": number, "id": event_id}
            self.assertEqual(head(answer), {"position": position, "count": 0})

    def test_kept(self) -> None:
        """
        Whether something was kept is told when that is decided.
        """
        history = SlowHistory(MemoryHistory())
        served = serve(history)
        self.assertEqual(served.publish("a"), [])
        query = urlencode({"topic": "*", "annotate": "comment", "excerpt": "kept"})
        position = history.tail(1).newest
        asking = served.call("GET", f"/events?{query}&last_event_id={position.id}", BEARER)
        self.assertEqual(asking.transport.value(), b"")
        for _ in range(3):
            history.answer_next()
            served.clock.advance(0)

        self.assertEqual(head(asking.answer), {"position": position._asdict(), "count": 0})

    def test_many_topics(self) -> None:
        """
        An edge asks for as many topics as its subscriber does.
        """
        query = urlencode([("topic", str(number)) for number in range(101)])
        target = f"/events?{query}&annotate=comment&excerpt=since"

        self.assertEqual(self.served.get(target, BEARER).status, 200)

    def test_no_connection(self) -> None:
        """
        An excerpt is nobody's stream.
        """
        heard: list[object] = []
        self.served.hub.on_connect(heard.append)
        ask(self.served, "tail")

        self.assertEqual((heard, len(self.served.hub.connections)), ([], 0))

    def test_history_away(self) -> None:
        """
        While history is away the edge is told to come back.
        """
        history = AbsentHistory(MemoryHistory(), away=False)
        served = serve(history)
        served.publish("a")
        history.away = True

        for excerpt in ("since", "tail", "locate"):
            self.assertEqual(ask(served, excerpt, last_event_id="x").status, 503)

    def test_closed(self) -> None:
        """
        A hub that stops answers no edge.
        """
        self.served.hub.broker.stop_accepting()

        self.assertEqual(ask(self.served, "tail").status, 503)


class AnnotatedStreamTests(SynchronousTestCase):
    """
    The stream that an edge follows.
    """

    def setUp(self) -> None:
        """
        A hub with an event.
        """
        self.served = serve()
        (self.id,) = self.served.publish("a")

    def open(self, **parameters: str) -> Any:
        """
        Follow as an edge does.
        """
        query = {"topic": "*", "annotate": "comment", **parameters}
        return self.served.call("GET", f"/events?{urlencode(query)}", BEARER)

    def test_opening(self) -> None:
        """
        It tells where it begins, and what the newest is.
        """
        caller = self.open(last_event_id=self.id)
        *_, opened = caller.answer.events

        newest = {"number": 1, "id": self.id}
        self.assertEqual((opened.event, opened.id), ("stream-open", self.id))
        self.assertEqual(note_of(opened.comment)[0], {"number": 1, "newest": newest})

    def test_reset(self) -> None:
        """
        An unknown ID is told as to everybody.
        """
        *_, reset, _ = self.open(last_event_id="nobody's").answer.events

        self.assertEqual(reset.event, "stream-reset")

    def test_events(self) -> None:
        """
        Live and from the window, private or not, every event has its note.
        """
        ids = [*self.served.publish("b", private=True), *self.served.publish("c", id="mine")]
        late, early = self.open(last_event_id=self.id), self.open()
        ids += self.served.publish("d", topic="other")

        self.served.clock.advance(1)
        for caller, numbers in ((late, [2, 3, 4]), (early, [4])):
            events = [one for one in caller.answer.events if one.data and not one.event]
            kept = [read_record(event) for event in events]
            self.assertEqual([one.number for one in kept], numbers)
            self.assertEqual([one.id for one in kept], ids[numbers[0] - 2 :])
            given = [one.publication.event.id for one in kept]
            self.assertEqual(given, [None, "mine", None][numbers[0] - 2 :])

    def test_from_history(self) -> None:
        """
        What the window does not cover is annotated, too.
        """
        self.served = Served(
            authorize=BearerTokens([TOKEN]), keepalive=None, window_events=1, retry=None
        )
        ids = self.served.publish(*"abc")
        caller = self.open(last_event_id=ids[0])
        self.served.clock.advance(1)

        kept = [read_record(one) for one in caller.answer.events if one.data and not one.event]
        self.assertEqual([one.number for one in kept], [2, 3])

    def test_others_are_told_nothing(self) -> None:
        """
        Subscribers beside it get what they always get.
        """
        reader = self.served.call("GET", "/events?topic=*")
        self.open()
        self.served.publish("b")

        self.assertNotIn(b"number", reader.answer.body)


class RefusalTests(SynchronousTestCase):
    """
    Who may not ask, and what may not be asked.
    """

    def test_anonymous(self) -> None:
        """
        Who sends no token is told to.
        """
        served = serve()

        self.assertEqual(ask(served, "tail", headers={}).status, 401)
        self.assertEqual(served.get("/events?topic=*&annotate=comment").status, 401)

    def test_partial(self) -> None:
        """
        Who may read only some topics may not know of the others.
        """
        grants = [Grant(subscribe=["a", "{b}"], public=True), Grant("me", public=True)]
        for grant in grants:
            served = Served(authorize=lambda _, grant=grant: grant)
            self.assertEqual(ask(served, "tail").status, 403)
            self.assertEqual(served.get("/events?topic=a&annotate=comment").status, 403)

    def test_not_whole(self) -> None:
        """
        A stream of some topics is none that another hub could follow.
        """
        served = serve()

        self.assertEqual(served.get("/events?topic=a&annotate=comment", BEARER).status, 400)
        self.assertEqual(ask(served, "tail", topic="a").status, 400)

    def test_nonsense(self) -> None:
        """
        What cannot be understood is refused, and without ``annotate`` it means nothing.
        """
        served = serve()

        for parameters in ({"limit": "0"}, {"limit": "-1"}, {"limit": "x"}, {"limit": "9" * 10}):
            self.assertEqual(ask(served, "tail", **parameters).status, 400)
        self.assertEqual(ask(served, "nothing").status, 400)
        self.assertEqual(served.get("/events?topic=a&excerpt=tail&limit=x").status, 200)


class PlacesTests(SynchronousTestCase):
    """
    What an edge publishes.
    """

    def post(self, body: bytes, headers: Any = BEARER) -> Answer:
        """
        Publish as an edge does.
        """
        self.served = serve()
        self.served.publish("before")
        return self.served.call(
            "POST", "/events", {"Content-Type": "text/event-stream", **headers}, body
        ).answer

    def test_places(self) -> None:
        """
        The answer tells where each event stands.
        """
        publications = [
            Publication(("a", "b"), ServerSentEvent("x", comment="c"), private=True),
            Publication(("a",), ServerSentEvent(event="no-data", id="mine")),
        ]
        answer = self.post(b"".join(map(encode_publication, publications)))

        first, second = answer.json
        self.assertEqual((first["number"], second), (2, {"number": 3, "id": "mine"}))
        found = ask(self.served, "since", last_event_id=first["id"], limit="9")
        self.assertEqual(
            [read_record(one).publication for one in found.events[1:]], publications[1:]
        )

    def test_refused(self) -> None:
        """
        What is no publication is refused with a sentence, and nothing of it is kept.
        """
        good = encode_publication(Publication(("a",), ServerSentEvent("x")))
        for body in (b"", b"data: x\n\n", good + b"data: x\n\n", good[:-1], b': {"topics":[]}\n\n'):
            answer = self.post(body)
            self.assertEqual((answer.status, self.served.hub.broker.position.number), (400, 1))

    def test_may_not_publish(self) -> None:
        """
        Who may not publish may not so either.
        """
        body = encode_publication(Publication(("a",), ServerSentEvent("x")))

        self.assertEqual(self.post(body, {}).status, 401)
        self.assertEqual(json.loads(self.post(body).body)[0]["number"], 2)
