"""
Publishes from programs without a reactor: scripts, cron jobs, Celery tasks, threads.

A call blocks until the hub has answered.  A publication that got no answer is sent
again with the same ``Idempotency-Key``, so the hub publishes it once.  Nothing here
imports Twisted.
"""

from __future__ import annotations

import json
import random
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener
from uuid import uuid4

from twisted_sse.errors import (
    NotSent,
    OutcomeUnknown,
    TopicEnded,
    TwistedSSEError,
    UnexpectedStatus,
)
from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.jsontext import Encoder, check_encoder, json_writer
from twisted_sse.events.publication import Publication, Receipt, posted
from twisted_sse.events.unexpectedstatus import MAX_START, topic_ended, unexpected_status
from twisted_sse.units import check_seconds

__all__ = ["Publisher"]

# The answers after which another attempt may succeed: too many requests, a proxy without a
# hub, and a hub that is stopping or whose history is away.
_PASSING = frozenset({408, 429, 500, 502, 503, 504})

# The pauses between attempts double from the first to the last, in seconds.
_FIRST_PAUSE, _LAST_PAUSE = 0.1, 5.0

# The most bytes of an answer that are read: a receipt has about sixty.
_MAX_ANSWER = 64 * 1024


class Publisher:
    """
    Publishes to a hub over HTTP, and waits for the answer.

    It may be used by several threads at once, and after a fork.  Proxies are taken
    from the environment.  Redirects are not followed.

    Args:
        url: The hub's ``/events``.

        token: Sent as ``Authorization: Bearer``.

        timeout: How long one attempt may take, in seconds.

        give_up_after: How long to try, in seconds, pauses included; 0 tries once.

        cafile: A PEM file with the certificates to trust, for ``https``; by default
            those of the machine.

        encoder: Called for values that `json` cannot write, like the *default* of
            `json.dumps`; see `twisted_sse.ServerSentEvent.json`.

    Raises:
        TypeError, ValueError: An argument is wrong; the message says which one, and
            what to give instead.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = 10.0,
        give_up_after: float = 30.0,
        cafile: str | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        self.url = _checked_url(url)
        check_seconds("timeout", timeout)
        check_seconds("give_up_after", give_up_after, zero=True)
        check_encoder(encoder)
        self._timeout = timeout
        self._give_up_after = give_up_after
        write_json = json_writer(encoder, "publish() got")
        self._publication = partial(Publication.of, write_json=write_json)
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {_checked_token(token)}"
        context = ssl.create_default_context(cafile=cafile)
        self._opener = build_opener(HTTPSHandler(context=context), _NoRedirects)

    def publish(
        self,
        topics: str | Iterable[str],
        data: object,
        *,
        event: str | None = None,
        id: str | None = None,
        retry: int | None = None,
        private: bool = False,
    ) -> Receipt:
        """
        Publish an event; the arguments are those of `twisted_sse.Hub.publish`.

        Returns:
            The receipt: the hub has kept the event.

        Raises:
            InvalidTopic, InvalidEvent: The event cannot be sent.

            TopicEnded: One of *topics* has ended; the event was not kept.

            UnexpectedStatus: The hub has refused the event; it was not kept.

            NotSent: The hub could not be reached; the event was not kept.

            OutcomeUnknown: The event was sent and not answered, so it may have been
                kept or not.
        """
        publication = self._publication(
            topics, data, event=event, id=id, retry=retry, private=private
        )
        return self._deliver(publication)

    def end(
        self,
        topics: str | Iterable[str],
        outcome: Outcome = "done",
        final: ServerSentEvent | None = None,
        *,
        private: bool = False,
    ) -> Receipt:
        """
        End *topics*; the arguments are those of `twisted_sse.Hub.end`.

        Returns:
            The receipt: the hub has kept the end.

        Raises:
            TopicEnded: One of *topics* has ended before.

            InvalidTopic, InvalidEvent, UnexpectedStatus, NotSent, OutcomeUnknown: As
                `publish`.
        """
        return self._deliver(Publication.ending(topics, outcome, final, private=private))

    def _deliver(self, publication: Publication) -> Receipt:
        body = json.dumps(posted(publication)).encode("ascii")
        headers = {**self._headers, "Idempotency-Key": str(uuid4())}
        deadline = time.monotonic() + self._give_up_after
        pause = _FIRST_PAUSE
        perhaps_kept = False
        while True:
            try:
                return self._post(body, headers)
            except (NotSent, OutcomeUnknown, TopicEnded, UnexpectedStatus) as error:
                perhaps_kept = perhaps_kept or isinstance(error, OutcomeUnknown)
                wait = _pause_after(error, pause)
                if wait is None or time.monotonic() + wait > deadline:
                    raise _final(error, perhaps_kept) from error.__cause__
            time.sleep(wait)
            pause = min(pause * 2, _LAST_PAUSE)

    def _post(self, body: bytes, headers: dict[str, str]) -> Receipt:
        request = Request(self.url, body, headers, method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return _receipt(answer.read(_MAX_ANSWER))
        except HTTPError as error:
            with error:
                raise _refusal(error) from None
        except URLError as error:
            raise self._lost(error.reason) from error
        except (OSError, HTTPException) as error:
            raise self._lost(error) from error

    def _lost(self, reason: object) -> TwistedSSEError:
        # Only these are known to come before the first byte was sent.
        if isinstance(reason, ConnectionRefusedError | ssl.SSLCertVerificationError):
            return NotSent(f"{self.url} cannot be reached: {reason}")
        if isinstance(reason, OSError) and reason.errno is not None and not _is_reset(reason):
            return NotSent(f"{self.url} cannot be reached: {reason.strerror}")
        return OutcomeUnknown(f"{self.url} has not answered: {reason!r}")


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """
        See `HTTPRedirectHandler.redirect_request`: a redirect is not a receipt.
        """


def _is_reset(error: OSError) -> bool:
    return isinstance(error, ConnectionResetError | BrokenPipeError | TimeoutError)


def _receipt(answer: bytes) -> Receipt:
    try:
        value = json.loads(answer)
        return Receipt(str(value["id"]), int(value["subscribers"]))
    except (ValueError, KeyError, TypeError):
        raise OutcomeUnknown(f"The answer is not a receipt: {answer[:80]!r}") from None


def _refusal(error: HTTPError) -> TwistedSSEError:
    headers = error.headers
    body = b""
    # The status is known already, and the body only explains it.
    with suppress(OSError, HTTPException):
        body = error.read(MAX_START)
    ended = topic_ended(error.code, body)
    if ended is not None:
        return ended
    refusal = unexpected_status(error.code, body, headers.get("Retry-After", ""))
    if error.code in _PASSING and headers.get("Publication-Kept", "no") != "no":
        return OutcomeUnknown(str(refusal))
    return refusal


def _pause_after(error: TwistedSSEError, pause: float) -> float | None:
    """
    The seconds to wait before the next attempt, or ``None`` if that is pointless.
    """
    if isinstance(error, TopicEnded):
        return None
    wait = pause * random.uniform(0.5, 1.0)
    if not isinstance(error, UnexpectedStatus):
        return wait
    if error.status not in _PASSING:
        return None
    return max(wait, error.retry_after or 0.0)


def _final(error: TwistedSSEError, perhaps_kept: bool) -> TwistedSSEError:
    if perhaps_kept and not isinstance(error, OutcomeUnknown):
        return OutcomeUnknown(f"An earlier attempt was not answered; then: {error}")
    return error


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url is {url!r}: give a URL such as http://localhost:8080/events")
    return url


def _checked_token(token: str) -> str:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("token must be printable ASCII characters without spaces")
    return token
