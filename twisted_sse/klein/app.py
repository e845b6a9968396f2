"""
A Klein app that reports routes that yield without being streams.

Only apps that were passed to this package are changed, never Klein's own class.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Generator
from types import FrameType
from typing import Any

import klein
from klein import KleinRenderable
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.iweb import IRequest
from werkzeug.exceptions import InternalServerError

__all__ = ["Klein", "upgrade", "upgrade_around"]


class Klein(klein.Klein):
    """
    A `klein.Klein` that answers 500 if a route yields without being a stream, and
    logs the mistake.  Klein itself answers 200 with an empty body.

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
