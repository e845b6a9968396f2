"""
A Klein app that reports routes that yield without being streams, and whose site reads
no larger bodies than its routes for hubs take.

Only apps that were passed to this package are changed, never Klein's own class.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from types import FrameType
from typing import IO, Any

import klein
from klein import KleinRenderable
from klein.resource import KleinResource
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger
from twisted.python.log import startLogging
from twisted.web.iweb import IRequest
from werkzeug.exceptions import HTTPException, InternalServerError
from zope.interface import implementer

from twisted_sse.transport.http.bounds import IBodyBound
from twisted_sse.transport.http.site import StreamSite

__all__ = ["Klein", "set_body_bound", "upgrade", "upgrade_around"]

# The attribute of a route's function with the limit on bodies.
_BOUND = "_twisted_sse_max_body"


class Klein(klein.Klein):
    """
    A `klein.Klein` that answers 500 if a route yields without being a stream, and
    logs the mistake.  Klein itself answers 200 with an empty body.

    ``run`` serves the app by a `StreamSite`, which refuses a body that is too large for
    a hub before it reads it.

    `hub_routes` converts the app that it is given, and `event_stream` converts the
    apps that are variables where it is used.
    """

    _log = Logger()

    def execute_endpoint(
        self, endpoint: str, request: IRequest, *args: Any, **kwargs: Any
    ) -> KleinRenderable:
        """
        See `klein.Klein.execute_endpoint`.

        Raises:
            InternalServerError: The route yields without being a stream.  May also
                be a failure of the result.
        """
        answer = super().execute_endpoint(endpoint, request, *args, **kwargs)
        if isinstance(answer, Deferred):
            checked: Deferred[Any] = answer.addCallback(self._check, endpoint)
            return checked
        return self._check(answer, endpoint)

    def resource(self) -> KleinResource:
        """
        See `klein.Klein.resource`.
        """
        return _AppResource(self)

    def run(
        self,
        host: str | None = None,
        port: int | None = None,
        logFile: IO[Any] | None = None,
        endpoint_description: str | None = None,
        displayTracebacks: bool = True,
    ) -> None:
        """
        See `klein.Klein.run`.
        """
        # Klein has chosen it.
        from twisted.internet import reactor

        startLogging(sys.stdout if logFile is None else logFile)
        site = StreamSite(self.resource())
        site.displayTracebacks = displayTracebacks
        description = endpoint_description or f"tcp:port={port}:interface={host}"
        serverFromString(reactor, description).listen(site)
        reactor.run()

    def _check(self, answer: KleinRenderable, endpoint: str) -> KleinRenderable:
        if not isinstance(answer, Generator | AsyncGenerator):
            return answer
        function = inspect.unwrap(self.endpoints[endpoint])
        sentence = (
            f"The route {function.__module__}.{function.__qualname__} yields but is not a stream:"
            f" put @event_stream between @app.route and def {function.__name__}."
        )
        self._log.error("{sentence}", sentence=sentence)
        raise InternalServerError(sentence)


@implementer(IBodyBound)
class _AppResource(KleinResource):
    """
    The resource of an app, which tells the limits of its routes.
    """

    def body_bound(self, path: Sequence[bytes]) -> int | None:
        """
        See `IBodyBound.body_bound`.
        """
        text = "/" + b"/".join(path).decode("utf-8", "replace")
        try:
            endpoint, _ = self._app.url_map.bind("").match(text, method="POST")
        except HTTPException:
            # Also a redirect.
            return None
        bound: int | None = getattr(inspect.unwrap(self._app.endpoints[endpoint]), _BOUND, None)
        return bound


def set_body_bound(function: Callable[..., object], max_body: int | None) -> None:
    """
    Limit the bodies of requests for the routes of *function*, whose resource answers
    413 to larger ones.
    """
    setattr(function, _BOUND, max_body)


def upgrade(app: object) -> None:
    """
    Convert *app* to a `Klein`, unless it has a class of the application's own.
    """
    # By its class, because Klein instantiates that class again for every object
    # that has the app as an attribute.
    if type(app) is klein.Klein:
        app.__class__ = Klein


def upgrade_around(frame: FrameType | None) -> None:
    """
    `upgrade` the apps that are variables in the caller of *frame*.

    Klein does not tell the function of a route which app it belongs to.
    """
    caller = None if frame is None else frame.f_back
    if caller is not None:
        for value in [*caller.f_locals.values(), *caller.f_globals.values()]:
            upgrade(value)
