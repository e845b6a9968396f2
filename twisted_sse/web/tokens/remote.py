"""
The keys of an issuer, at a URL.

They are fetched when they are needed, and again after some time, or when a token names a
key that is not among them.  Tokens can be forged by anybody, so a token alone never makes
this hub ask its issuer more than once in a while.  A fetch that fails changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.singleflight import SingleFlight
from twisted_sse.clock import reactor_behind
from twisted_sse.web.problem import Problem
from twisted_sse.web.tokens.compact import Token
from twisted_sse.web.tokens.jwks import MAX_DOCUMENT_SIZE, parse_jwks
from twisted_sse.web.tokens.keys import PUBLIC_KEY_ALGORITHMS, TokenKey, check_algorithms
from twisted_sse.web.tokens.keyset import KeySet
from twisted_sse.web.tokens.refusal import TokenRefused, UnknownKey, listed, shown

__all__ = ["FETCH_INTERVAL", "FETCH_TIMEOUT", "MAX_AGE", "RemoteKeys", "fetch_document"]

#: The shortest time between two fetches, in seconds: how long a token may be refused that
#: is signed with a key from a moment ago.
FETCH_INTERVAL = 10.0

#: The age at which keys are fetched again, in seconds: how long a key counts that its
#: issuer has removed.
MAX_AGE = 300.0

#: How long a fetch may take, in seconds.
FETCH_TIMEOUT = 10.0

#: Returns the document at a URL, or fails.
Fetch = Callable[[], Deferred[bytes]]

# Names of this machine, between which and the hub nobody can change anything.
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class RemoteKeys:
    """
    The keys at *url*, a JSON Web Key Set.

    Args:
        url: ``https://...``.  With ``http://`` the keys can be forged on the way, which
            the log says.

        algorithms: Allow only these; by default all algorithms of public keys.

        clock: Keeps the time.

        fetch: Fetches the document.

    Raises:
        ValueError: *url* or *algorithms* cannot be used; half a sentence.
    """

    _log = Logger()

    def __init__(
        self, url: str, algorithms: Sequence[str] | None, clock: IReactorTime, fetch: Fetch
    ) -> None:
        self._url = _checked_url(url)
        self._algorithms = _checked_algorithms(algorithms)
        self._clock = clock
        self._fetch = fetch
        self._keys = KeySet([], url)
        self._fetching: SingleFlight[None] = SingleFlight()
        # When they were fetched, and when that was last tried.
        self._fetched: float | None = None
        self._tried: float | None = None
        self._failing = False
        self._under_way = False
        if url.startswith("http://") and urlsplit(url).hostname not in _LOOPBACK:
            self._log.warn(
                "The keys of tokens come from {url} without TLS: who can change them on the way"
                " can forge tokens",
                url=url,
            )

    def find(self, token: Token) -> Sequence[TokenKey] | Deferred[Sequence[TokenKey]]:
        """
        See `KeySource.find`.

        Raises:
            Problem: No keys could be fetched yet; also as a failure of the `Deferred`.
        """
        if token.algorithm not in self._algorithms:
            raise TokenRefused(
                f"it is signed with {shown(token.algorithm)}, only"
                f" {listed(self._algorithms)} is allowed"
            )
        try:
            found = self._keys.candidates(token)
        except UnknownKey:
            if not self._may_fetch():
                self._check_fetched()
                raise
            return self.refresh().addCallback(lambda _: self._find_again(token))
        if self._is_old() and not self._under_way and self._may_fetch():
            self.refresh()
        return found

    def reload(self) -> Deferred[None]:
        """
        See `KeySource.reload`.
        """
        return self.refresh()

    def refresh(self) -> Deferred[None]:
        """
        Fetch the keys; if that fails, those in use stay.

        Returns:
            Fires with ``None``, whether it has failed or not.
        """
        return self._fetching.call(None, self._start)

    def _find_again(self, token: Token) -> Sequence[TokenKey]:
        self._check_fetched()
        return self._keys.candidates(token)

    def _check_fetched(self) -> None:
        if self._fetched is None:
            raise Problem(
                503,
                "The keys that verify tokens are not available now: try again in a few seconds.",
                {"Retry-After": "5"},
            )

    def _is_old(self) -> bool:
        return self._fetched is None or self._clock.seconds() - self._fetched >= MAX_AGE

    def _may_fetch(self) -> bool:
        # A token that comes while a fetch is under way waits for that one.
        if self._under_way or self._tried is None:
            return True
        return self._clock.seconds() - self._tried >= FETCH_INTERVAL

    def _start(self) -> Deferred[None]:
        self._tried = self._clock.seconds()
        self._under_way = True
        return Deferred.fromCoroutine(self._refresh()).addBoth(self._end)

    def _end(self, result: Failure | None) -> Failure | None:
        self._under_way = False
        return result

    async def _refresh(self) -> None:
        try:
            document = await self._fetch()
            keys = parse_jwks(document, self._algorithms, secrets=False)
        except Exception as error:
            # Whatever a server and the network between may do is no reason to stop.
            if not self._failing:
                self._failing = True
                self._log.warn(
                    "The keys of tokens at {url} cannot be fetched, so {what}: {error}",
                    url=self._url,
                    what="those in use stay" if self._fetched is not None else "there are none",
                    error=str(error).removesuffix(".") or type(error).__name__,
                )
            return
        first, self._fetched = self._fetched is None, self._clock.seconds()
        new, gone = self._keys.replace(keys)
        if first or new or gone or self._failing:
            self._log.info(
                "Keys of tokens at {url}: {count} now, {new} new, {gone} removed",
                url=self._url,
                count=len(self._keys),
                new=new,
                gone=gone,
            )
        self._failing = False


def fetch_document(url: str, client: Any, clock: IReactorTime) -> Fetch:
    """
    Return what fetches the document at *url* with treq.

    Args:
        client: A treq client, or an `IAgent`; ``None`` for a default agent.
    """

    async def steps() -> bytes:
        # Imported here because importing treq takes a while.
        from twisted_sse.client.agent import client_of
        from twisted_sse.client.response import check_status, read

        response = await client_of(client, reactor_behind(clock), FETCH_TIMEOUT).request(
            "GET",
            url,
            headers={"Accept": ["application/jwk-set+json, application/json"]},
            allow_redirects=False,
            unbuffered=True,
        )
        await check_status(response)
        return await read(response, MAX_DOCUMENT_SIZE + 1)

    def fetch() -> Deferred[bytes]:
        from twisted_sse.client.failures import run_request

        return Deferred.fromCoroutine(run_request(steps(), url, FETCH_TIMEOUT, clock))

    return fetch


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(
            f"{url!r} is not the URL of a JSON Web Key Set, such as"
            " https://issuer.example/.well-known/jwks.json"
        )
    return url


def _checked_algorithms(algorithms: Sequence[str] | None) -> tuple[str, ...]:
    if algorithms is None:
        return PUBLIC_KEY_ALGORITHMS
    checked = check_algorithms(algorithms)
    secret = [one for one in checked if one not in PUBLIC_KEY_ALGORITHMS]
    if secret:
        raise ValueError(
            f"{secret[0]} needs a secret, which no URL may publish: use"
            f" {listed(PUBLIC_KEY_ALGORITHMS)}"
        )
    return checked
