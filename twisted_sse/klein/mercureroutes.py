"""
Adds a hub that speaks Mercure to an app.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import klein
from twisted.web.resource import IResource

from twisted_sse.hub import Hub
from twisted_sse.klein.app import set_body_bound, upgrade
from twisted_sse.web.content import MAX_BODY
from twisted_sse.web.mercure.location import DEFAULT_PATH, METADATA

__all__ = ["mercure_routes"]


def mercure_routes(
    app: klein.Klein,
    hub: Hub,
    prefix: str = DEFAULT_PATH,
    *,
    max_body: int = MAX_BODY,
    endpoint: str | None = None,
    **options: Any,
) -> None:
    """
    Serve *hub* at *prefix* by the Mercure protocol, with its active subscriptions and
    its metadata, if it has them.

    Args:
        prefix: The path of the hub's URL.

        max_body: The largest body of a request, in bytes.

        endpoint: The name of the endpoint for ``app.url_for``; by default *prefix*.

        options: The other arguments of `Hub.mercure`, without ``path``.

    Raises:
        ValueError: *app* already has an endpoint of that name, or an argument is wrong.
    """
    name = prefix if endpoint is None else endpoint
    resource = hub.mercure(path=prefix, max_body=max_body, **options)
    routes: list[tuple[str, str, IResource, bool]] = [(name, prefix, resource, False)]
    if resource.active is not None:
        path = f"{prefix}/subscriptions"
        routes += [(f"{name}/subscriptions", path, resource.active, False)]
        routes += [(f"{name}/subscriptions/", f"{path}/", resource.active, True)]
    if resource.metadata is not None:
        routes += [(f"{name}/metadata", METADATA + prefix, resource.metadata, False)]
    for one, _, _, _ in routes:
        if one in app.endpoints:
            raise ValueError(f"The app already has an endpoint {one!r}: choose another")
    for one, path, served, branch in routes:
        function = _answer(served)
        set_body_bound(function, max_body)
        app.route(path, endpoint=one, branch=branch)(function)
    upgrade(app)


def _answer(resource: IResource) -> Callable[..., IResource]:
    def answer(*args: object, **parameters: object) -> IResource:
        return resource

    return answer
