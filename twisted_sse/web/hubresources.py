"""
Makes the resources of a hub, which applications put into their sites and routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from twisted.internet.interfaces import IReactorTime

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.presence.presence import HubPresence
from twisted_sse.broker.runregistry import RunRegistry
from twisted_sse.events.jsontext import Encoder
from twisted_sse.events.preamble import Priming
from twisted_sse.web.admin.processes import OneProcess
from twisted_sse.web.admin.resource import AdminResource
from twisted_sse.web.content import MAX_BODY
from twisted_sse.web.cors import CORS
from twisted_sse.web.cred import GrantOf, GrantRealm
from twisted_sse.web.events import PublishResource
from twisted_sse.web.generators.streams import GeneratorStreams
from twisted_sse.web.mercure import VERSIONS, MercureResource, Version
from twisted_sse.web.mercure.location import DEFAULT_PATH
from twisted_sse.web.presence import PresenceResource
from twisted_sse.web.resource import Authorize
from twisted_sse.web.stream import EventStreamResource

__all__ = ["HubResources"]


class HubResources:
    """
    The part of `twisted_sse.Hub` that makes resources.

    Attributes:
        broker: The `Broker` that they serve.

        responses: The open streams of the hub's responses.

        runs: The runs of the hub.

        clock, encoder: As of the hub.
    """

    broker: Broker
    responses: GeneratorStreams
    runs: RunRegistry
    clock: IReactorTime
    encoder: Encoder | None

    @property
    def presence(self) -> HubPresence:
        """
        Who is on which topic.

        Raises:
            RuntimeError: The hub keeps no presence.
        """
        if self.broker.presence is None:
            raise RuntimeError("This hub keeps no presence: write Hub(presence=True)")
        return self.broker.presence

    def resource(
        self,
        authorize: Authorize | None = None,
        cors: CORS | None = None,
        topics: Iterable[str] | None = None,
        *,
        priming: Priming = "event",
        max_topics: int | None = 100,
    ) -> EventStreamResource:
        """
        Make a resource for subscribers; see `EventStreamResource`.
        """
        return EventStreamResource(
            self.broker,
            authorize=authorize,
            cors=cors,
            topics=topics,
            priming=priming,
            max_topics=max_topics,
        )

    def publishing(
        self,
        authorize: Authorize,
        cors: CORS | None = None,
        *,
        max_body: int | None = MAX_BODY,
        publish_origins: Iterable[str] = (),
    ) -> PublishResource:
        """
        Make a resource that takes publications with ``POST``; see `PublishResource`.
        """
        return PublishResource(
            self.broker,
            authorize,
            cors=cors,
            max_body=max_body,
            publish_origins=publish_origins,
        )

    def presence_resource(
        self, authorize: Authorize | None = None, cors: CORS | None = None
    ) -> PresenceResource:
        """
        Make a resource that tells who is on a topic; see `PresenceResource`.

        Raises:
            RuntimeError: The hub keeps no presence.
        """
        return PresenceResource(self.presence, self.broker.now, authorize=authorize, cors=cors)

    def admin_resource(self, authorize: Authorize) -> AdminResource:
        """
        Make a resource that shows what goes on here, and closes connections; see
        `AdminResource`.

        Args:
            authorize: Returns the grant of a request, which must be to read and publish
                everything: ``Grant(subscribe=["*"], publish=["*"])``.

        Raises:
            TypeError: *authorize* is not a function.
        """
        if not callable(authorize):
            raise TypeError(
                f"authorize is {authorize!r}: give a function that takes a request and returns a"
                " Grant, such as BearerTokens.from_file('admin-tokens', anonymous=False)"
            )
        processes = OneProcess(self.broker, lambda: len(self.responses), self.runs)
        return AdminResource(processes, authorize, self)

    def mercure(
        self,
        authorize: Authorize | None = None,
        cors: CORS | None = None,
        *,
        protocols: Iterable[Version] = VERSIONS,
        path: str = DEFAULT_PATH,
        public_urls: Iterable[str] = (),
        subscriptions: bool = False,
        describe: bool = True,
        authorization_servers: Sequence[str] = (),
        cookie: str | None = None,
        max_topics: int = 100,
        max_body: int = MAX_BODY,
        publish_origins: Iterable[str] = (),
        publish_authorize: Authorize | None = None,
    ) -> MercureResource:
        """
        Make a resource that speaks the Mercure protocol; see `MercureResource`.

        Make one for each hub, and put it at *path*.
        """
        return MercureResource(
            self.broker,
            authorize=authorize,
            cors=cors,
            protocols=protocols,
            path=path,
            public_urls=public_urls,
            subscriptions=subscriptions,
            describe=describe,
            authorization_servers=authorization_servers,
            cookie=cookie,
            max_topics=max_topics,
            max_body=max_body,
            publish_origins=publish_origins,
            publish_authorize=publish_authorize,
        )

    def subscribe(self, *topics: str) -> EventStreamResource:
        """
        Make a resource that streams *topics*, to return from a route.
        """
        return self.resource(topics=topics)

    def realm(self, grant_of: GrantOf, **options: Any) -> GrantRealm:
        """
        Make a realm for a `twisted.cred.portal.Portal`: each avatar is a resource
        with the grant that *grant_of* returns for its name; see `GrantRealm`.

        Args:
            options: Those of `resource`, without ``authorize``.
        """
        return GrantRealm(grant_of, partial(self.resource, **options))
