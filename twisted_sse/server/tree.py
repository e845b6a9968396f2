"""
The tree of resources that a configuration asks for.
"""

from __future__ import annotations

from twisted.web.resource import Resource

from twisted_sse.hub import Hub
from twisted_sse.server.access import Access
from twisted_sse.server.config.config import Config
from twisted_sse.server.config.option import InvalidOption
from twisted_sse.server.mercure import active_subscriptions, read_mercure
from twisted_sse.server.site import hub_tree
from twisted_sse.web.cors import CORS

__all__ = ["Trees"]


class Trees:
    """
    Makes the tree of a hub, again and again.

    What lasts for longer than a tree is here: the subscriptions of Mercure.
    """

    def __init__(self, hub: Hub, access: Access, config: Config) -> None:
        self._hub = hub
        self._access = access
        self._active = active_subscriptions(hub.broker, config)

    def make(self, config: Config) -> Resource:
        """
        Make the tree that *config* asks for.

        Raises:
            InvalidOption: An option cannot be obeyed.
        """
        try:
            cors = CORS(config.cors_origins)
        except ValueError as error:
            raise InvalidOption("cors-origin", error) from None
        try:
            return hub_tree(
                self._hub.broker,
                authorize=self._access.subscribing,
                publish_authorize=self._access.publishing,
                publish_origins=config.publish_origins,
                cors=cors,
                max_topics=config.max_topics,
                max_body=config.max_body,
                max_publication_topics=config.max_publication_topics,
                demo=config.demo,
                mercure={**read_mercure(config), "active": self._active},
            )
        except ValueError as error:
            raise InvalidOption("publish-origin", error) from None
