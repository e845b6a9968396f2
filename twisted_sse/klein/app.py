"""
An app that says what is wrong where a route yields and is no stream.

Only apps that were handed to this package are changed, and Klein's class is not.
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

__all__ = ["Klein", "watch", "watch_around"]


class Klein(klein.Klein):
    """
    A `klein.Klein` that answers 500 where a route yields and is no stream, and
    logs it; Klein itself answers 200 and nothing.

    `hub_routes` makes one of the app that it is given, and `event_stream` of the
    apps that have a name where it is used.
    """

    _log = Logger()

    def execute_endpoint(
        self, endpoint: str, request: IRequest, *args: Any, **kwargs: Any
    ) -> KleinRenderable:
        """
        See `klein.Klein.execute_endpoint`.

        Raises:
            InternalServerError: It says what to do; also as a failure.
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
            f"The route {function.__module__}.{function.__qualname__} yields, and is no stream:"
            f" put @event_stream between @app.route and def {function.__name__}."
        )
        self._log.error("{sentence}", sentence=sentence)
        raise InternalServerError(sentence)


def watch(app: object) -> None:
    """
    Make *app* a `Klein`, unless it is of a class of the application's own.
    """
    # And not an attribute: for each object that an app belongs to, Klein makes
    # a copy of it by its class.
    if type(app) is klein.Klein:
        app.__class__ = Klein


def watch_around(frame: FrameType | None) -> None:
    """
    `watch` the apps that have a name where *frame* was called.

    Klein does not tell a route's function which app it is in.
    """
    caller = None if frame is None else frame.f_back
    if caller is not None:
        for named in [*caller.f_locals.values(), *caller.f_globals.values()]:
            watch(named)
