"""
The base of all resources of this package: methods, CORS, authorization, errors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from twisted_sse.broker.connections.grant import ANONYMOUS, Grant, check_grant
from twisted_sse.errors import NoContent
from twisted_sse.transport.http.bounds import IBodyBound, IWholeRequests
from twisted_sse.transport.refusals import Refusals
from twisted_sse.units import check_instance
from twisted_sse.web.content import MAX_BODY, is_too_large, too_large
from twisted_sse.web.cors import CORS
from twisted_sse.web.csrf import OriginCheck
from twisted_sse.web.encoding import refuse_encoding
from twisted_sse.web.logged import note_user
from twisted_sse.web.notfound import NotFound
from twisted_sse.web.problem import Problem, answer_problem, limit_behind, problem_of, with_outcome

__all__ = ["Authorize", "Handler", "MethodResource", "everybody", "has_left"]

#: Answers a request, now or later; a failure becomes an error answer.
Handler = Callable[[Request, Grant], "Deferred[Any] | None"]

#: Returns the grant of a request, or raises `Unauthorized`, `Forbidden` or
#: `NoContent`.
Authorize = Callable[[Request], "Grant | Awaitable[Grant]"]


@implementer(IBodyBound, IWholeRequests)
class MethodResource(Resource):
    """
    A resource with one handler for each method.

    Args:
        handlers: By method, such as ``GET``.

        authorize: Called before every handler: a plain function, a function that
            returns a `Deferred`, or a coroutine function.

        publishing: The methods that publish.  Their errors say whether the
            publication was kept, and why history is not available.

        max_body: The most bytes of a request's body; ``None`` sets no limit.  A
            `StreamSite` reads no more than this, and the sites of ``twisted.web``
            read everything.

        publish_authorize: Called instead of *authorize* before the handlers of the
            methods in *publishing*.

        origins: Checks which pages may use the resource; by default those that *cors*
            lists, and those of this server.

        refusals: Counts the requests that are above a limit.
    """

    _log = Logger()

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        authorize: Authorize,
        cors: CORS,
        publishing: Collection[str] = (),
        max_body: int | None = MAX_BODY,
        publish_authorize: Authorize | None = None,
        origins: OriginCheck | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        if not callable(authorize):
            raise TypeError(
                f"authorize is {authorize!r}: give a function that takes a request and returns a"
                " Grant"
            )
        check_instance("cors", cors, CORS, "CORS(['https://example.com'])")
        super().__init__()
        self._handlers = {method.encode("ascii"): run for method, run in handlers.items()}
        self._allowed = ", ".join([*handlers, "OPTIONS"])
        self._authorize = authorize
        self._cors = cors
        self._publish_authorize = publish_authorize or authorize
        self._publishing = {method.encode("ascii") for method in publishing}
        self._max_body = max_body
        self._origins = OriginCheck(cors) if origins is None else origins
        self._refusals = refusals

    def sibling(self, handlers: Mapping[str, Handler]) -> MethodResource:
        """
        A resource with other methods, which authorizes and refuses like this one.
        """
        return MethodResource(
            handlers, self._authorize, self._cors, origins=self._origins, refusals=self._refusals
        )

    def body_bound(self, path: Sequence[bytes]) -> int | None:
        """
        See `twisted_sse.transport.http.bounds.IBodyBound`.
        """
        return self._max_body

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        See `twisted.web.resource.IResource.getChildWithDefault`.
        """
        return self if path == b"" else NotFound()

    def render(self, request: Request) -> int:
        """
        See `twisted.web.resource.IResource.render`.
        """
        try:
            refuse_encoding(request)
            self._cors.apply(request)
            if request.method == b"OPTIONS":
                self._cors.preflight(request, self._allowed.encode("ascii"))
            else:
                self._dispatch(request)
        except Exception:
            self._fail(Failure(), request)
        return NOT_DONE_YET

    def _dispatch(self, request: Request) -> None:
        handler = self._handlers.get(request.method)
        if handler is None:
            detail = f"This resource allows only {self._allowed}."
            raise Problem(405, detail, {"Allow": self._allowed})
        self._origins.check_page(request)
        publishes = request.method in self._publishing
        granted = (self._publish_authorize if publishes else self._authorize)(request)
        # Most are grants, and to find that out costs less.
        if not isinstance(granted, Grant) and isinstance(granted, Awaitable):
            self._run_later(granted, handler, request)
        else:
            self._run(granted, handler, request)

    def _run(self, grant: Grant, handler: Handler, request: Request) -> None:
        if has_left(request):
            return
        # Handlers of other methods check it when they read the body.
        if request.method in (b"GET", b"HEAD") and is_too_large(request):
            raise too_large(self._max_body)
        user = check_grant(grant).user
        if request.method in self._publishing:
            note_user(request, user)
        try:
            answering = handler(request, grant)
        except Exception:
            self._fail(Failure(), request, user)
            return
        if answering is not None:
            answering.addErrback(self._fail, request, user)

    def _run_later(self, granted: Awaitable[Grant], handler: Handler, request: Request) -> None:
        waiting: Deferred[Any] = maybeDeferred(lambda: granted)
        # A client that has left needs no answer, so nothing more is looked up for it.
        request.notifyFinish().addErrback(lambda _: waiting.cancel())
        waiting.addCallback(self._run, handler, request)
        waiting.addErrback(self._fail, request)

    def _fail(self, failure: Failure, request: Request, user: str | None = None) -> None:
        if has_left(request) and failure.check(CancelledError):
            return
        limit = limit_behind(failure)
        if limit is not None and self._refusals is not None:
            self._refusals.count(limit)
        answered = has_left(request) or request.startedWriting
        publishes = request.method in self._publishing
        if failure.check(NoContent) and not publishes:
            if not answered:
                _answer_nothing(request)
            return
        problem = problem_of(failure, request, publishes=publishes)
        if problem is None:
            self._log.failure("A request could not be answered", failure)
            problem = Problem(500, "The server failed; its log says why.")
        if publishes:
            problem = with_outcome(problem, failure)
        if not answered:
            note_user(request, user)
            answer_problem(request, self.completed(problem, request))

    def completed(self, problem: Problem, request: Request) -> Problem:
        """
        *problem* with what this resource adds to every error answer, which is nothing.
        """
        return problem


def has_left(request: Request) -> bool:
    """
    Whether the client has left: Twisted then removes the channel.
    """
    return getattr(request, "channel", None) is None


def _answer_nothing(request: Request) -> None:
    """
    Tell the client not to come back.

    HTML: "a client can be told to stop reconnecting using the HTTP 204 No
    Content response code".
    """
    request.setResponseCode(204)
    request.responseHeaders.removeHeader(b"Content-Type")
    # RFC 9110, 15.3.5: "A 204 response is heuristically cacheable", but the next
    # answer may be another.
    request.setHeader(b"Cache-Control", b"no-store")
    request.finish()


def everybody(request: Request) -> Grant:
    """
    The grant of everybody: to read what is not private.
    """
    return ANONYMOUS
