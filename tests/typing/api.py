"""
What a type checker says about programs that use the public names.

Read by mypy, and never run: a wrong type here is an error of the build.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, assert_type

import klein
from twisted.application.service import IService
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.web.iweb import IAgent
from twisted.web.resource import IResource
from twisted.web.server import Request, Site
from zope.interface import implementer

from twisted_sse import (
    CORS,
    JWT,
    BearerTokens,
    ClientCertificate,
    Connection,
    EndReason,
    EventSourceResponse,
    EventStream,
    Forbidden,
    Grant,
    Hub,
    IHistoryProvider,
    ISharedHistoryProvider,
    MemoryHistory,
    Presence,
    PresenceMember,
    Publisher,
    Receipt,
    ResponseStream,
    ServerSentEvent,
    Unauthorized,
    event_stream_for,
)
from twisted_sse.client import (
    Backoff,
    Comment,
    Control,
    EventSource,
    Lost,
    Opened,
    ReadyState,
    Signal,
)
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.history import Holdings, StoredPage, StoredPosition, StoredRecord
from twisted_sse.history.postgres import PostgresHistory
from twisted_sse.history.upstream.history import UpstreamHistory
from twisted_sse.interfaces import IHistoryReader, IInstallableHistory
from twisted_sse.klein import EventStreamRoute, Klein, event_stream, hub_routes, mercure_routes
from twisted_sse.runs import ActiveRun, Runs, RunStatus
from twisted_sse.testing import StreamAnswer, StreamClient
from twisted_sse.topics import Selection
from twisted_sse.web.dialects import (
    AISDK,
    AnthropicMessages,
    BrowserEvents,
    Dialect,
    OpenAIResponses,
    TanStackAI,
)
from twisted_sse.web.mercure import MercureResource, discovery, hub_link

__all__ = [
    "authorizations",
    "events",
    "grants",
    "handler",
    "hubs",
    "klein_apps",
    "mercure",
    "presence",
    "print_nothing",
    "providers",
    "readers",
    "registries",
    "resources",
    "runs_of",
    "sources",
    "tests",
]


def events() -> None:
    """
    An event has typed fields, and goes to JSON and back.
    """
    event = ServerSentEvent("hello", event="greeting", id="1", retry=3000, comment="a comment")

    assert_type(event.data, str | None)
    assert_type(event.event, str | None)
    assert_type(event.id, str | None)
    assert_type(event.retry, int | None)
    assert_type(event.comment, str | None)
    assert_type(ServerSentEvent.json({"a": 1}, event="numbers"), ServerSentEvent)
    assert_type(event.json(), Any)

    ServerSentEvent(b"bytes")  # type: ignore[arg-type]
    event.data = "changed"  # type: ignore[misc]


def grants() -> None:
    """
    A grant says who asks, and answers what it may.
    """
    grant = Grant("ann", subscribe=["users/ann"], publish=["chat/{room}"], public=True)

    assert_type(grant.user, str | None)
    assert_type(grant.may_publish(["news"]), bool)
    assert_type(grant.may_read(Selection.of(["news"])), bool)

    assert_type(grant.expires, float | None)
    print(Grant(expires=1.8e9), Grant(expires=datetime.now(UTC), state={"name": "Ann"}))

    Grant(subscribe=1)  # type: ignore[arg-type]
    Grant(expires="tomorrow")  # type: ignore[arg-type]


def authorizations() -> None:
    """
    Tokens and certificates authorize the resources of a hub.
    """
    hub = Hub()
    jwt = JWT(jwks_url="https://issuer.example/keys", algorithms=["RS256"], audience="hub")
    either = ClientCertificate(subscribe=["rooms/{room}"], publish=[], otherwise=jwt)

    resources: list[IResource] = [hub.resource(jwt), hub.publishing(jwt), hub.resource(either)]
    print(resources, jwt.reload())
    assert_type(Grant(payloads=[(["news"], 1)]).payload_of("news"), Any)

    JWT("key")  # type: ignore[call-arg]
    JWT(key=7)  # type: ignore[arg-type]


def hubs() -> None:
    """
    A hub takes text, JSON values and events, and runs as a service.
    """
    hub = Hub(MemoryHistory(events=10), keepalive=None, retry=1000, fallen_behind="latest")

    assert_type(hub.publish("news", "text"), Deferred[Receipt])
    assert_type(hub.publish(["news", "sport"], {"home": 1}, private=True), Deferred[Receipt])
    assert_type(hub.publish("news", ServerSentEvent("text")), Deferred[Receipt])
    assert_type(hub.end("news"), Deferred[Receipt])
    runs = Runs(hub, keep=60, linger=None, max_runs=3)
    assert_type(runs.list(limit=3), Deferred[Sequence[RunStatus]])
    resource: IResource = runs.resource("one", dialect=None)
    print(resource, len(runs))
    Runs(hub, lease="10")  # type: ignore[arg-type]
    assert_type(hub.end(["a", "b"], "failed", ServerSentEvent("bye")), Deferred[Receipt])
    hub.end("news", "over")  # type: ignore[arg-type]
    as_service: IService = hub.service(grace=5.0, spread=0.0, farewell=ServerSentEvent("bye"))
    print(as_service)

    publisher = Publisher("http://localhost/events", token="secret", encoder=str)
    assert_type(publisher.publish("news", {"home": 1}), Receipt)
    assert_type(publisher.end("news", "cancelled", private=True), Receipt)
    print(Hub(encoder=str), ServerSentEvent.json(hub, encoder=lambda value: repr(value)))

    Hub(max_connections_per_user=10, max_publish_rate=None)
    Hub(max_publish_rate=0.5)  # type: ignore[arg-type]
    Hub(fallen_behind="never")  # type: ignore[arg-type]
    Hub(encoder=5)  # type: ignore[arg-type]


def presence() -> None:
    """
    Who is on a topic has types.
    """
    hub = Hub(presence=Presence(grace=30.0, most=10))
    grant = Grant("ada", info={"name": "Ada"})

    assert_type(hub.presence.of("room"), list[PresenceMember])
    assert_type(hub.presence.count("room"), int)
    assert_type(hub.presence.of("room")[0].user, str)
    assert_type(grant.info, str | None)

    @hub.presence.on_join
    async def joined(topic: str, member: PresenceMember) -> None:
        print(topic, member.info)

    resource: IResource = hub.presence_resource(lambda request: grant, CORS())
    print(resource, joined)

    Hub(presence="yes")  # type: ignore[arg-type]
    hub.presence.on_leave(print_nothing)  # type: ignore[type-var]


def print_nothing() -> None:
    """
    A listener that takes no arguments.
    """


def registries(hub: Hub) -> None:
    """
    Connections are counted, iterated, found and ended.
    """
    assert_type(len(hub.connections), int)
    assert_type(hub.connections.of_user("ann"), list[Connection])
    assert_type(hub.connections.of_topic("news"), list[Connection])
    assert_type(hub.connections.named("a name"), Connection | None)
    assert_type(hub.disconnect("ann", final=ServerSentEvent("bye")), list[Connection])
    assert_type(hub.push(ServerSentEvent("now"), where=lambda one: one.live), int)
    assert_type(hub.grant_changed("ann"), Deferred[list[Connection]])
    for connection in hub.connections:
        assert_type(connection.user, str | None)
        assert_type(connection.topics, Selection)
        assert_type(list(connection.topics), list[str])
        assert_type(connection.since, float)
        assert_type(connection.state, dict[str, Any])
        connection.close(ServerSentEvent("bye"))


def resources(hub: Hub) -> None:
    """
    Resources take a function that authorizes: plain, `Deferred` or coroutine.
    """

    def refuse(request: Request) -> Grant:
        if request.getHeader("Cookie") is None:
            raise Unauthorized("Log in.")
        raise Forbidden("Not you.")

    def later(request: Request) -> Deferred[Grant]:
        return succeed(Grant("ann", public=True))

    async def whenever(request: Request) -> Grant:
        return await later(request)

    cors = CORS(["https://example.com"], credentials=True, max_age=60)
    as_resource: IResource = hub.resource(refuse, cors, ["news"], priming="block", max_topics=5)
    print(as_resource, hub.resource(later), hub.resource(whenever), hub.subscribe("a", "b"))

    as_response: IResource = EventSourceResponse(lambda draining: iter(["x"]), hub=hub, thread=True)
    print(as_response, EventSourceResponse(["x"], keepalive=None).drain(5.0))

    dialects: list[Dialect] = [
        AISDK(text=True, error="Sorry."),
        AnthropicMessages(model="mine"),
        BrowserEvents(end="over"),
        OpenAIResponses(text=True, model="mine"),
        TanStackAI(),
    ]
    for dialect in dialects:
        print(EventSourceResponse(["x"], dialect=dialect))
    EventSourceResponse(["x"], error=lambda failure: None)
    EventSourceResponse(["x"], dialect=AISDK)  # type: ignore[arg-type]

    as_realm: IRealm = hub.realm(Grant, topics=["news"])
    print(as_realm)

    tokens = BearerTokens.from_file("tokens", anonymous=False)
    tokens.replace(["secret"])
    as_publishing: IResource = hub.publishing(BearerTokens(["secret"]))
    as_admin: IResource = hub.admin_resource(BearerTokens(["secret"]))
    tokens.reload()
    print(as_publishing, as_admin, hub.resource(tokens))
    BearerTokens([b"secret"])  # type: ignore[list-item]

    hub.resource(authorize=len)  # type: ignore[arg-type]
    hub.realm(len)  # type: ignore[arg-type]


@implementer(IHistoryProvider)
class _Forgetful:
    """
    Remembers nothing.
    """

    def append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        """
        See `IHistoryProvider.append`.
        """
        return [Record(n, str(n), one) for n, one in enumerate(publications)]

    def since(self, last_event_id: str | None, topics: Selection, limit: int) -> Sequence[Record]:
        """
        See `IHistoryProvider.since`.
        """
        return []

    def tail(self, limit: int) -> Tail:
        """
        See `IHistoryProvider.tail`.
        """
        return Tail(Position(0, "0"), [])


def providers() -> None:
    """
    What keeps events is a history provider.
    """
    provider: IHistoryProvider = MemoryHistory()
    print(provider, Hub(_Forgetful()))


@implementer(IHistoryReader)
class _Empty:
    """
    A reader of a store that holds nothing.
    """

    def describe(self) -> Holdings:
        """
        See `IHistoryReader.describe`.
        """
        return Holdings(events=0)

    def read(self, cursor: str | None, limit: int) -> StoredPage:
        """
        See `IHistoryReader.read`.
        """
        return StoredPage([], None)


def readers() -> None:
    """
    What tells what a store holds is a history reader.
    """
    reader: IHistoryReader = _Empty()
    oldest: StoredPosition | None = reader.describe().oldest
    stored: StoredRecord
    for stored in reader.read(None, 1).records:
        print(stored.record.publication, stored.position, oldest)


def edges(agent: IAgent) -> None:
    """
    What makes a hub an edge is a shared history provider, and a service.
    """
    shared: ISharedHistoryProvider = UpstreamHistory("http://localhost/events", token="secret")
    service: IService = UpstreamHistory("http://localhost/events", client=agent, timeout=1.0)
    print(Hub(shared), service)

    UpstreamHistory("http://localhost/events", token=b"secret")  # type: ignore[arg-type]


async def postgres() -> None:
    """
    What keeps events in PostgreSQL is shared, and can be installed.
    """
    history = PostgresHistory("postgresql://localhost/db", schema="news", events=10, age=60.0)
    shared: ISharedHistoryProvider = history
    installable: IInstallableHistory = history
    assert_type(await history.install(), bool)
    assert_type(installable.install_sql(), str)
    Hub(shared)


def mercure(hub: Hub, request: Request) -> None:
    """
    A hub speaks Mercure, and an application tells where it is.
    """
    resource = hub.mercure(protocols=["mercure-1.0"], public_urls=["https://hub.example"])

    assert_type(resource, MercureResource)
    hub_link(request, "/hub", topic="https://example.com/1", last_event_id="a-1")

    @discovery("/hub")
    def book(request: Request, number: int) -> str:
        return "book"

    assert_type(book(request, 1), str)

    hub.mercure(protocols=["mercure-2"])  # type: ignore[list-item]
    hub_link(request, last_event_id=1)  # type: ignore[arg-type]
    book(request, "1")  # type: ignore[arg-type]


def klein_apps(hub: Hub, app: klein.Klein, request: Request) -> None:
    """
    What is decorated is a route with the same arguments; a hub's routes go into any app.
    """

    @app.route("/words/<word>")
    @event_stream
    async def words(request: Request, word: str) -> AsyncIterator[str]:
        yield word

    @app.route("/letters")
    @event_stream(hub=hub, keepalive=5, farewell=ServerSentEvent(event="done", data=""))
    async def letters(request: Request) -> Iterator[str]:
        return iter("letters")

    as_app: klein.Klein = Klein()
    hub_routes(as_app, hub, "/events", cors=CORS(["*"]), topics=["news"])
    mercure_routes(as_app, hub, "/hub", subscriptions=True)
    assert_type(words(request, "a"), Deferred[IResource])
    assert_type(letters.drain(5.0), Deferred[None])
    print(EventStreamRoute)

    words(request, 1)  # type: ignore[arg-type]
    event_stream(colour="red")  # type: ignore[call-overload]
    event_stream(len)  # type: ignore[arg-type]
    hub_routes(app, app)  # type: ignore[arg-type]


def tests(hub: Hub, app: klein.Klein, site: Site) -> None:
    """
    Streams are tested in memory, those of a hub, a Klein app, a resource and a site.
    """
    with StreamClient(hub, Clock()) as client:
        stream = client.get("/", last_event_id="7", params={"topic": ["a", "b"]})
        assert_type(stream, StreamAnswer)
        assert_type(stream.status, int)
        assert_type(stream.events, list[ServerSentEvent])
        assert_type(stream.header("Content-Type"), str | None)
        assert_type(stream.resume(), StreamAnswer)
        assert_type(client.post("/", {"a": "b"}, headers={"X-A": "b"}).json(), Any)
        assert_type(client.agent, IAgent)
        assert_type(client.clock, Clock)
    print(StreamClient(app), StreamClient(site), StreamClient(hub.resource(), room=1024))

    StreamClient(1)  # type: ignore[arg-type]
    client.get(b"/")  # type: ignore[arg-type]


async def runs_of(hub: Hub) -> None:
    """
    A hub tells its runs.
    """
    for active in hub.runs:
        assert_type(active, ActiveRun)
    assert_type(await hub.runs.list(limit=3), Sequence[RunStatus])
    assert_type(await hub.runs.get("runs/one"), RunStatus | None)
    assert_type(await hub.runs.cancel("runs/one"), bool)


async def handler(request: Request, hub: Hub) -> None:
    """
    A handler sends to a stream, and finds others.
    """
    async with await event_stream_for(request, hub=hub, methods=["POST"]) as stream:
        assert_type(stream, EventStream)
        assert_type(stream.reason, EndReason | None)
        assert_type(stream.closed, bool)
        assert_type(await stream.send({"n": 1}), None)
    for other in hub.responses:
        assert_type(other, ResponseStream)
        assert_type(other.state, dict[str, Any])
        other.close(ServerSentEvent("bye"))

    event_stream_for(request, dialect=AISDK(text=True), error=True)
    event_stream_for(request, thread=True)  # type: ignore[call-arg]


async def sources(agent: IAgent) -> None:
    """
    A client yields events or signals, or calls functions.
    """
    source = EventSource(
        "https://example.com/events",
        client=agent,
        headers={"Authorization": "Bearer t", "X-Two": ["1", "2"]},
        params=[("topic", "a"), ("topic", "b")],
        backoff=Backoff(first=0.5, jitter=0.0),
        retry_statuses={503},
        read_timeout=None,
        reactor=Clock(),
    )
    assert_type(source.ready_state, ReadyState)
    assert_type(source.last_event_id, str)
    assert_type(source.origin, str)
    assert_type(source.reconnection_time, float)
    async with source as entered:
        assert_type(entered, EventSource)
        async for event in entered:
            assert_type(event, ServerSentEvent)
    async for signal in source.signals():
        assert_type(signal, Signal)
        match signal:
            case Opened():
                assert_type(signal.attempt, int)
            case Lost(reason, delay):
                assert_type(reason, Exception)
                assert_type(delay, float)
            case Comment(text):
                assert_type(text, str)
            case Control(control):
                assert_type(control, ServerSentEvent)
            case _:
                assert_type(signal, ServerSentEvent)
    assert_type(source.run(print, lambda signal: None), Deferred[None])

    EventSource(b"http://example.com/")  # type: ignore[arg-type]
    EventSource("http://example.com/", backoff=1.0)  # type: ignore[arg-type]
