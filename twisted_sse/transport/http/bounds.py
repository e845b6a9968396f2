"""
Finds the limit on a request's body before the body is read.

Twisted reads whole bodies before it asks for the resource, so a resource has to be
found without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.web.resource import EncodingResourceWrapper
from zope.interface import Attribute, Interface

__all__ = ["IBodyBound", "bound_at"]


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


def bound_at(root: Any, target: bytes) -> int | None:
    """
    Return the limit of the resource at *target*, or ``None``.

    Only children that were put into a tree are found, inside wrappers for encodings
    too.  What a resource makes for each request is not.

    Args:
        root: An `IResource`.

        target: The path of a request, and its query.
    """
    path = [unquote_to_bytes(one) for one in target.partition(b"?")[0][1:].split(b"/")]
    resource = _unwrapped(root)
    while path and not getattr(resource, "isLeaf", False):
        children = getattr(resource, "children", None)
        child = children.get(path[0]) if isinstance(children, Mapping) else None
        if child is None:
            break
        resource = _unwrapped(child)
        path = path[1:]
    bounded = IBodyBound(resource, None)
    return None if bounded is None else bounded.body_bound(path)


def _unwrapped(resource: Any) -> Any:
    while isinstance(resource, EncodingResourceWrapper):
        resource = resource.original
    return resource
