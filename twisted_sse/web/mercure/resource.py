"""
The resource of a hub that speaks Mercure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from twisted_sse.broker.broker import Broker
from twisted_sse.events.publication import Publication
from twisted_sse.units import check_instance
from twisted_sse.web.content import MAX_BODY
from twisted_sse.web.cors import CORS
from twisted_sse.web.csrf import OriginCheck
from twisted_sse.web.mercure.active import ActiveSubscriptions
from twisted_sse.web.mercure.collection import SubscriptionsResource
from twisted_sse.web.mercure.location import DEFAULT_PATH, HubLocation
from twisted_sse.web.mercure.metadata import MetadataResource
from twisted_sse.web.mercure.protected import ProtectedResource
from twisted_sse.web.mercure.publication import FormReader
from twisted_sse.web.mercure.subscribing import MercureProtocol
from twisted_sse.web.mercure.versions import VERSIONS, Version, check_versions
from twisted_sse.web.publish import Publishing, Writer, answer_id
from twisted_sse.web.resource import Authorize, everybody
from twisted_sse.web.stream import Subscriptions

__all__ = ["MercureResource"]


class MercureResource(ProtectedResource):
    """
    A hub at one URL: ``GET`` and ``QUERY`` subscribe, ``POST`` publishes.

    Make one for each hub.  Without *authorize* and *publish_authorize* nobody may publish.

    Args:
        authorize: Returns the grant of a request, and is called again after
            `Hub.grant_changed`.  By default everybody may read what is not private.

        cors: The origins whose pages may subscribe; by default none.

        protocols: The versions to speak, ``mercure-0.x`` and ``mercure-1.0``; by default
            both, because their names do not collide.

        path: The path of the URL that it is served at.

        public_urls: The origins that the hub is known by, such as
            ``https://example.com``.  Paths in URL Patterns belong to the first one, and
            requests to others are answered with 421.  By default every origin is served.

        subscriptions: Whether to publish when subscriptions begin and end, and to tell
            which ones are active.

        describe: Whether to serve metadata by RFC 9728, which tell that JSON Web Tokens
            are taken.

        authorization_servers: The URLs of those that give out tokens, for the metadata.

        cookie: The name of the cookie that *authorize* takes tokens from, for the metadata.

        max_topics: The most selectors in one request; ``None`` for no limit.

        max_body: The most bytes of a body; ``None`` for no limit.

        max_publication_topics: The most topics of one event; ``None`` for as many as
            `twisted_sse.topics.MAX_TOPICS`.

        publish_origins: The origins whose pages may publish with their visitor's cookie,
            in addition to that of this server and to those that *cors* lists.

        publish_authorize: Returns the grant of a request that publishes, if another key
            is for publishers; *authorize* by default.

        active: The subscriptions that are active, if this resource replaces another one
            of the same hub; with *subscriptions*, new ones by default.

    Attributes:
        metadata: The resource for ``/.well-known/oauth-protected-resource`` and *path*;
            ``None`` without *describe*, if only version 0.x is spoken, or if there is
            neither *authorize* nor *publish_authorize*.

        active: The resource of the active subscriptions, which is the child
            ``subscriptions``; ``None`` if it is not served.

    Raises:
        TypeError, ValueError: An argument is wrong.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        authorize: Authorize | None = None,
        cors: CORS | None = None,
        protocols: Iterable[Version] = VERSIONS,
        path: str = DEFAULT_PATH,
        public_urls: Iterable[str] = (),
        subscriptions: bool = False,
        describe: bool = True,
        authorization_servers: Sequence[str] = (),
        cookie: str | None = None,
        max_topics: int | None = 100,
        max_body: int | None = MAX_BODY,
        max_publication_topics: int | None = None,
        publish_origins: Iterable[str] = (),
        publish_authorize: Authorize | None = None,
        active: ActiveSubscriptions | None = None,
    ) -> None:
        for name, given in (("subscriptions", subscriptions), ("describe", describe)):
            check_instance(name, given, bool, "True or False")
        if cookie is not None:
            check_instance("cookie", cookie, str, "the name of a cookie, or None")
        versions = check_versions("protocols", protocols)
        location = HubLocation(path, public_urls)
        cors = CORS() if cors is None else cors
        if active is None and subscriptions:
            active = ActiveSubscriptions(broker, path, versions)
        streams = Subscriptions(
            broker,
            priming="block",
            max_topics=max_topics,
            authorize=authorize,
            protocol=MercureProtocol(versions, location, active),
        )
        origins = OriginCheck(cors, publish_origins, malformed=True)
        publishing = Publishing(
            broker,
            origins,
            max_body=max_body,
            max_topics=max_publication_topics,
            readers={
                "application/x-www-form-urlencoded": partial(_read, FormReader(path, versions))
            },
        )
        handlers = {
            "GET": streams.get,
            "HEAD": streams.head,
            "POST": publishing.post,
            "QUERY": streams.query,
        }
        grant = everybody if authorize is None else streams.grant
        protected = authorize is not None or publish_authorize is not None
        describes_itself = describe and protected and "mercure-1.0" in versions
        super().__init__(
            handlers,
            grant,
            cors,
            location,
            describes_itself=describes_itself,
            publishing=["POST"],
            max_body=max_body,
            publish_authorize=publish_authorize,
            origins=origins,
            refusals=broker.refusals,
        )
        self.metadata: MetadataResource | None = None
        if describes_itself:
            self.metadata = MetadataResource(
                cors,
                location,
                authorization_servers=authorization_servers,
                cookie=cookie,
                subscriptions=subscriptions,
            )
        self.active: SubscriptionsResource | None = None
        if active is not None:
            self.active = SubscriptionsResource(
                broker, active, grant, cors, location, versions, describes_itself=describes_itself
            )
            self.putChild(b"subscriptions", self.active)


def _read(reader: FormReader, body: bytes) -> tuple[Sequence[Publication], Writer]:
    return [reader.read(body)], answer_id
