"""
Finds the resource of a request before the request is read: what limits its body, and
whether the door may give it requests.

Twisted reads whole bodies before it asks for the resource, so a resource has to be
found without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.web.resource import EncodingResourceWrapper
from zope.interface import Attribute, Interface

__all__ = ["IBodyBound", "IWholeRequests", "bound_at", "resource_at"]


class IBodyBound(Interface):
    """
    A resource that takes bodies up to a limit, and answers 413 if ``too_large`` of the
    request is true.
    """

    isLeaf = Attribute("See `twisted.web.resource.IResource`.")

    def body_bound(path: Sequence[bytes]) -> int | None:
        """
        Return the most bytes of a body.

        Called before the body is read and before anybody is authorized.

        Args:
            path: The segments of the URL below the resource.

        Returns:
            ``None`` if the resource does not know.
        """


class IWholeRequests(Interface):
    """
    A resource that `twisted_sse.transport.http.door.Door` may give requests to.

    It answers by ``write`` and ``finish`` of the request, and streams by the sink that
    `twisted_sse.transport.sinks.choice.sink_for` returns.
    """


def bound_at(root: Any, target: bytes) -> int | None:
    """
    Return the limit of the resource at *target*, or ``None``.

    Only children that were put into a tree are found, inside wrappers for encodings
    too.  What a resource makes for each request is not.

    Args:
        root: An `IResource`.

        target: The path of a request, and its query.
    """
    resource, path = _walk(root, target, _unwrapped)
    bounded = IBodyBound(resource, None)
    return None if bounded is None else bounded.body_bound(path)


def resource_at(root: Any, target: bytes) -> Any:
    """
    Return the resource at *target*, or ``None`` if it may not be given whole requests.

    Only what was put into a tree is found, and nothing inside a wrapper.

    Args:
        root, target: As for `bound_at`.
    """
    resource, path = _walk(root, target, lambda one: one)
    if path and not getattr(resource, "isLeaf", False):
        # A child that the resource makes for each request.
        return None
    return resource if IWholeRequests.providedBy(resource) else None


def _walk(root: Any, target: bytes, unwrapped: Callable[[Any], Any]) -> tuple[Any, Sequence[bytes]]:
    """
    Follow *target* as far as there are children; return where that ends, and what is left.
    """
    whole = target.partition(b"?")[0]
    path = (_remembered if len(whole) <= _REMEMBERED_BYTES else _segments)(whole)
    resource = unwrapped(root)
    while path and not getattr(resource, "isLeaf", False):
        children = getattr(resource, "children", None)
        child = children.get(path[0]) if isinstance(children, dict) else None
        if child is None:
            break
        resource = unwrapped(child)
        path = path[1:]
    return resource, path


def _segments(path: bytes) -> Sequence[bytes]:
    return tuple(unquote_to_bytes(one) for one in path[1:].split(b"/"))


# The paths that are asked for are few (benchmarks, memory: accept).
_remembered = lru_cache(maxsize=256)(_segments)
_REMEMBERED_BYTES = 256


def _unwrapped(resource: Any) -> Any:
    while isinstance(resource, EncodingResourceWrapper):
        resource = resource.original
    return resource
