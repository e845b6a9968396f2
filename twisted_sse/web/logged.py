"""
What a log of requests can tell about one, beside its head and its status.

Only what has something to tell keeps anything: a stream takes no memory for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.web.server import Request
from zope.interface import Attribute, Interface, implementer

__all__ = ["ILogged", "Logged", "logged", "note_refusal", "note_user"]


class ILogged(Interface):
    """
    A component of requests; twisted.web's are `Componentized`.
    """

    user = Attribute("The user whom the grant names, or None.")

    refusal = Attribute("The sentence that the request was refused with, or None.")


@implementer(ILogged)
@dataclass(frozen=True, slots=True)
class Logged:
    """
    See `ILogged`.
    """

    user: str | None = None
    refusal: str | None = None


_NOTHING = Logged()


def logged(request: Request) -> ILogged:
    """
    Return what was noted about *request*.
    """
    found: ILogged = request.getComponent(ILogged, _NOTHING)
    return found


def note_user(request: Request, user: str | None) -> None:
    """
    Note whose *request* is, if anybody's.
    """
    if user is not None:
        request.setComponent(ILogged, Logged(user, logged(request).refusal))


def note_refusal(request: Request, sentence: str) -> None:
    """
    Note why *request* is refused.

    Args:
        sentence: It must have no topic, and no secret.
    """
    request.setComponent(ILogged, Logged(logged(request).user, sentence))
