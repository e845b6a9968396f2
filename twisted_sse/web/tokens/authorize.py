"""
`JWT`: an ``authorize`` function that grants what a token says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.server import Request

from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.clock import clock_for, dates_of
from twisted_sse.errors import InvalidToken, Unauthorized
from twisted_sse.units import check_choice, check_instance, check_seconds, known_arguments
from twisted_sse.web.auth import NOTHING
from twisted_sse.web.tokens.credentials import (
    DEFAULT_COOKIES,
    Credentials,
    Presented,
    check_cookie,
)
from twisted_sse.web.tokens.keys import check_algorithms, key_from_text
from twisted_sse.web.tokens.pyjwt import load_jws
from twisted_sse.web.tokens.refusal import TokenRefused
from twisted_sse.web.tokens.refusallog import RefusalLog
from twisted_sse.web.tokens.remote import RemoteKeys, fetch_document
from twisted_sse.web.tokens.sources import FixedKey, KeySource, jwks_file, key_file
from twisted_sse.web.tokens.verification import PROTOCOLS, Rules, Verifier

__all__ = ["JWT", "REFUSED", "InvalidArgument"]

#: What the answer to a token says that is refused; the log says why.
REFUSED = "This token is not valid here; the log of the hub says why."

_KEYS = "key, key_file, jwks_file or jwks_url"


class InvalidArgument(ValueError):
    """
    An argument of `JWT` cannot be used.

    Args:
        argument: Its name.

        reason: What is wrong, as a sentence without its period.
    """

    def __init__(self, argument: str, reason: object) -> None:
        super().__init__(f"{argument}: {reason}")
        self.argument = argument
        self.reason = str(reason)


class JWT:
    """
    Grants what the JSON Web Token of a request says: an ``authorize`` function for
    `Hub.resource` and `Hub.publishing`.

    Tokens are those of Mercure 1.0 (``typ: at+jwt``, ``authorization_details``) and of
    Mercure 0.x (the claim ``mercure``).  The claim ``sub`` is the user.  A valid token may
    read everything that is not private, and the private topics that it lists.  A stream
    ends at the ``exp`` of its token, and when its key is removed.

    Needs PyJWT: ``pip install 'twisted-sse[jwt]'``.

    Args:
        key: A secret, or the PEM text of a public key or certificate.

        key_file: A file with either.

        jwks_file: A file that is a JSON Web Key Set.

        jwks_url: The URL of one.  It is fetched when it is needed, again after five
            minutes, and when a token names a key that is not in it.

        algorithms: Accept only these, such as ``["RS256"]``; by default all that the
            key is for.

        audience: The name or names of this hub, one of which ``aud`` must have.  Tokens
            of Mercure 1.0 are refused without it.

        issuer: What ``iss`` must be.  Tokens of Mercure 1.0 are refused without it.

        cookie: The name or names of the cookies that may have the token; ``None`` for
            no cookie.

        query: Whether the query may have it, as ``authorization`` or ``access_token``.
            URLs end up in logs.

        anonymous: Whether requests without a token may read what is not private.

        leeway: By how many seconds the issuer's clock may be ahead (``nbf``).

        protocols: The kinds of tokens to accept: ``mercure-0.x``, ``mercure-1.0``.

        hub_url: The URL of the hub, which relative URL patterns in tokens belong to; by
            default the first *audience* that is a URL.

        client: A treq client or an `IAgent` that fetches *jwks_url*.

        reactor: Keeps the time; the global reactor by default.

    Raises:
        TypeError, ValueError: An argument is wrong, or a key cannot be used.

        ModuleNotFoundError: PyJWT is not installed.
    """

    @known_arguments
    def __init__(
        self,
        *,
        key: str | bytes | None = None,
        key_file: str | None = None,
        jwks_file: str | None = None,
        jwks_url: str | None = None,
        algorithms: str | Iterable[str] | None = None,
        audience: str | Iterable[str] = (),
        issuer: str | None = None,
        cookie: str | Iterable[str] | None = DEFAULT_COOKIES,
        query: bool = False,
        anonymous: bool = False,
        leeway: float = 10.0,
        protocols: str | Iterable[str] = PROTOCOLS,
        hub_url: str | None = None,
        client: Any = None,
        reactor: IReactorTime | None = None,
    ) -> None:
        load_jws()
        check_seconds("leeway", leeway, zero=True)
        for name, value in (("query", query), ("anonymous", anonymous)):
            check_instance(name, value, bool, "True or False")
        given = {"key": key, "key_file": key_file, "jwks_file": jwks_file, "jwks_url": jwks_url}
        clock = clock_for(reactor)
        names = _texts("audience", audience)
        rules = Rules(
            audience=names,
            issuer=issuer if issuer is None else _text("issuer", issuer),
            protocols=_protocols(protocols),
            leeway=leeway,
            hub_url=_hub_url(hub_url, names),
        )
        self._keys = _source(given, _algorithms(algorithms), client, clock)
        self._verifier = Verifier(self._keys, rules, dates_of(clock))
        self._credentials = Credentials(_cookies(cookie), query=query)
        self._anonymous = anonymous
        self._log = RefusalLog(clock.seconds)

    def __call__(self, request: Request) -> Grant | Deferred[Grant]:
        """
        See `twisted_sse.web.resource.Authorize`.

        Returns:
            The grant; a `Deferred` only if a key has to be fetched.

        Raises:
            InvalidToken: The token is refused; also as a failure of the `Deferred`.

            Unauthorized: There is no token, and one is needed.
        """
        presented = self._credentials.find(request)
        if presented is None:
            return self._without(request)
        try:
            granted = self._verifier.verify(presented.token)
        except TokenRefused as error:
            raise self._refuse(error, presented, request) from None
        if isinstance(granted, Deferred):
            return granted.addErrback(self._fail, presented, request)
        return granted

    def reload(self) -> object:
        """
        Read the keys again, from their file or URL, and log what has changed.

        If that fails, those in use stay.  Streams end whose tokens were signed with a key
        that is gone.
        """
        return self._keys.reload()

    def _without(self, request: Request) -> Grant:
        if self._anonymous:
            return ANONYMOUS
        if request.method == b"POST":
            # Only the handler knows whether this publishes or subscribes.
            return NOTHING
        raise Unauthorized("Subscribing needs a token: Authorization: Bearer TOKEN.")

    def _fail(self, failure: Failure, presented: Presented, request: Request) -> Failure:
        if not failure.check(TokenRefused):
            return failure
        return Failure(self._refuse(failure.value, presented, request))

    def _refuse(self, error: Any, presented: Presented, request: Request) -> InvalidToken:
        address = request.getClientAddress()
        host = getattr(address, "host", None) or type(address).__name__
        self._log.refused(error.reason, presented.where, host)
        return InvalidToken(REFUSED)


def _source(
    given: dict[str, Any],
    algorithms: Sequence[str] | None,
    client: Any,
    clock: IReactorTime,
) -> KeySource:
    chosen = [name for name, value in given.items() if value is not None]
    if len(chosen) != 1:
        found = f"{chosen[0]} and {chosen[1]} are given" if chosen else "no key is given"
        raise TypeError(f"{found}: give one of {_KEYS}")
    (name,) = chosen
    value = given[name]
    # Without the value, which may be a secret.
    if not isinstance(value, str) and not (name == "key" and isinstance(value, bytes)):
        raise TypeError(f"{name} is of type {type(value).__name__}: give a str")
    try:
        if name == "key":
            text = value.encode("utf-8") if isinstance(value, str) else value
            return FixedKey(key_from_text(text, algorithms))
        place = str(value)
        if name == "jwks_url":
            fetch = fetch_document(place, client, clock)
            return RemoteKeys(place, algorithms, clock, fetch)
        return (key_file if name == "key_file" else jwks_file)(place, algorithms)
    except ValueError as error:
        raise InvalidArgument(name, error) from None


def _algorithms(given: str | Iterable[str] | None) -> Sequence[str] | None:
    if given is None:
        return None
    try:
        return check_algorithms(_texts("algorithms", given))
    except ValueError as error:
        raise InvalidArgument("algorithms", error) from None


def _protocols(given: str | Iterable[str]) -> Sequence[str]:
    several = _texts("protocols", given)
    if not several:
        raise ValueError(f"protocols is empty: give some of {', '.join(PROTOCOLS)}")
    for one in several:
        check_choice("protocols", one, PROTOCOLS)
    return several


def _cookies(given: str | Iterable[str] | None) -> Sequence[str]:
    try:
        return [check_cookie(one) for one in _texts("cookie", () if given is None else given)]
    except ValueError as error:
        raise InvalidArgument("cookie", error) from None


def _hub_url(given: str | None, audience: Sequence[str]) -> str:
    if given is None:
        return next((one for one in audience if _is_url(one)), "")
    if not _is_url(_text("hub_url", given)):
        raise ValueError(f"hub_url is {given!r}: give a URL, such as https://hub.example/events")
    return given


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _texts(name: str, given: str | Iterable[str]) -> Sequence[str]:
    if isinstance(given, str):
        return [_text(name, given)]
    if not isinstance(given, Iterable):
        raise TypeError(f"{name} is {given!r}: give a str, or a list of them")
    return [_text(name, one) for one in given]


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}: give a str")
    if not value:
        raise InvalidArgument(name, "it is empty; give a text, or leave it out")
    return value
