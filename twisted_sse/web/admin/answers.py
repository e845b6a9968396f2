"""
Answers in JSON, and by other resources for those who may see them.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.web.cors import CORS
from twisted_sse.web.resource import Authorize, MethodResource, has_left

__all__ = ["answer_done", "answer_json", "answer_text", "guarded"]


def answer_json(request: Request, value: object) -> None:
    """
    Answer *request* with *value* as JSON.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    answer_text(request, text.encode("utf-8"), "application/json")


def answer_text(request: Request, text: bytes, content_type: str) -> None:
    """
    Answer *request* with *text*, unless the client has left.
    """
    if has_left(request):
        return
    request.setHeader("Content-Type", content_type)
    request.setHeader("Content-Length", str(len(text)))
    request.setHeader("Cache-Control", "no-store")
    request.setHeader("X-Content-Type-Options", "nosniff")
    if request.method != b"HEAD":
        request.write(text)
    request.finish()


def answer_done(request: Request) -> None:
    """
    Answer *request*, which has been obeyed, without a body.
    """
    if not has_left(request):
        request.setResponseCode(204)
        request.finish()


def guarded(resource: IResource, authorize: Authorize) -> MethodResource:
    """
    Let *resource* answer the requests that *authorize* admits.
    """

    def answer(request: Request, grant: Grant) -> None:
        answered: Any = resource.render(request)
        if answered is not NOT_DONE_YET and not has_left(request):
            request.write(answered)
            request.finish()

    return MethodResource({"GET": answer, "HEAD": answer}, authorize, CORS())
