"""
Keys at a URL.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.support.tokens import jwk, jwks, signed, signer
from twisted_sse.web.problem import Problem
from twisted_sse.web.tokens.compact import parse_token
from twisted_sse.web.tokens.refusal import TokenRefused
from twisted_sse.web.tokens.remote import FETCH_INTERVAL, MAX_AGE, RemoteKeys

__all__ = ["FailureTests", "FetchTests", "RefreshTests"]

URL = "https://issuer.example/keys"
OLD, NEW = signer("ES256", "old"), signer("ES256", "new")


class Issuer:
    """
    Answers fetches when it is told to.
    """

    def __init__(self) -> None:
        self.fetches: list[Deferred[bytes]] = []

    def fetch(self) -> Deferred[bytes]:
        """
        See `RemoteKeys`.
        """
        self.fetches.append(Deferred())
        return self.fetches[-1]

    def publish(self, *keys: Any) -> None:
        """
        Answer the newest fetch.
        """
        self.fetches[-1].callback(jwks(*keys))

    def fail(self, error: Exception) -> None:
        """
        Let the newest fetch fail.
        """
        self.fetches[-1].errback(error)


class RemoteTestCase(SynchronousTestCase):
    """
    Makes keys at a URL.
    """

    def setUp(self) -> None:
        """
        Make an issuer with one key.
        """
        self.clock = Clock()
        self.issuer = Issuer()
        self.keys = RemoteKeys(URL, None, self.clock, self.issuer.fetch)

    def find(self, key_id: str | None, algorithm: str = "ES256") -> Any:
        """
        Look for the key of a token: returns its name, or a `Deferred` of it.
        """
        header = {} if key_id is None else {"kid": key_id}
        key = OLD if algorithm == "ES256" else b"x" * 32
        token = signed({}, key=key, algorithm=algorithm, header=header)
        found = self.keys.find(parse_token(token.encode()))
        if isinstance(found, Deferred):
            return found.addCallback(lambda keys: keys[0].key_id)
        return found[0].key_id

    def fetched(self, *keys: Any) -> None:
        """
        Fetch these keys.
        """
        self.keys.refresh()
        self.issuer.publish(*keys)


class FetchTests(RemoteTestCase):
    """
    The first fetch.
    """

    def test_needed(self) -> None:
        """
        Nothing is fetched before a token comes, and then once for all that wait.
        """
        self.assertEqual(self.issuer.fetches, [])
        first, second = self.find("1"), self.find("1")
        self.assertEqual(len(self.issuer.fetches), 1)
        self.assertNoResult(first)

        self.issuer.publish(jwk(OLD, "1"))

        self.assertEqual(self.successResultOf(first), "1")
        self.assertEqual(self.successResultOf(second), "1")
        self.assertEqual(self.find("1"), "1")

    def test_algorithm(self) -> None:
        """
        A token with a secret's algorithm, or none, is refused without a fetch.
        """
        with self.assertRaises(TokenRefused):
            self.find("1", "HS256")

        self.assertEqual(self.issuer.fetches, [])

    def test_cancelled(self) -> None:
        """
        A client that leaves does not end the fetch for the others.
        """
        leaving, waiting = self.find("1"), self.find("1")
        leaving.cancel()
        self.issuer.publish(jwk(OLD, "1"))

        self.failureResultOf(leaving)
        self.assertEqual(self.successResultOf(waiting), "1")

    def test_without_tls(self) -> None:
        """
        A URL without TLS that leaves this machine is warned of.
        """
        for url, warned in (
            ("http://issuer.example/", True),
            ("http://localhost:8080/", False),
            ("http://[::1]/", False),
            (URL, False),
        ):
            with self.subTest(url=url), capturedLogs() as logged:
                RemoteKeys(url, None, self.clock, self.issuer.fetch)
                self.assertEqual(bool(logged), warned)


class RefreshTests(RemoteTestCase):
    """
    Later fetches.
    """

    def test_unknown(self) -> None:
        """
        A token with an unknown key makes the keys be fetched again.
        """
        self.fetched(jwk(OLD, "1"))
        self.clock.advance(FETCH_INTERVAL)
        waiting = self.find("2")
        self.issuer.publish(jwk(OLD, "1"), jwk(NEW, "2"))

        self.assertEqual(self.successResultOf(waiting), "2")

    def test_limited(self) -> None:
        """
        Tokens with invented names cause one fetch in a while, and wait for none.
        """
        self.fetched(jwk(OLD, "1"))
        for number in range(100):
            with self.assertRaises(TokenRefused):
                self.find(f"invented-{number}")
        self.assertEqual(len(self.issuer.fetches), 1)

        self.clock.advance(FETCH_INTERVAL)
        waiting = [self.find(f"invented-{number}") for number in range(100)]
        self.assertEqual(len(self.issuer.fetches), 2)
        self.issuer.publish(jwk(OLD, "1"))
        for one in waiting:
            self.failureResultOf(one, TokenRefused)

    def test_old(self) -> None:
        """
        Old keys are fetched again while they are in use, so that one that was removed does
        not count for long.
        """
        self.fetched(jwk(OLD, "1"))
        self.clock.advance(MAX_AGE - 1)
        self.find("1")
        self.assertEqual(len(self.issuer.fetches), 1)
        self.clock.advance(1)

        self.assertEqual(self.find("1"), "1")
        self.assertEqual(len(self.issuer.fetches), 2)
        self.issuer.publish(jwk(NEW, "2"))
        with self.assertRaises(TokenRefused):
            self.find("1")

    def test_quiet(self) -> None:
        """
        A fetch that changes nothing is not logged.
        """
        self.fetched(jwk(OLD, "1"))
        with capturedLogs() as logged:
            self.fetched(jwk(OLD, "1"))
            self.fetched(jwk(NEW, "2"))

        (line,) = map(formatEvent, logged)
        self.assertEqual(line, f"Keys of tokens at {URL}: 1 now, 1 new, 1 removed")


class FailureTests(RemoteTestCase):
    """
    Fetches that fail.
    """

    def test_first(self) -> None:
        """
        Without any keys the answer is that the hub cannot verify, not that the token is wrong.
        """
        waiting = self.find("1")
        self.issuer.fail(ConnectionError("The server is away."))

        self.assertEqual(self.failureResultOf(waiting, Problem).value.status, 503)
        with self.assertRaises(Problem):
            self.find("1")

    def test_later(self) -> None:
        """
        The keys in use stay, and the log says when the trouble begins and when it ends.
        """
        self.fetched(jwk(OLD, "1"))
        with capturedLogs() as logged:
            for document in (b"<html>", b'{"keys": []}', b"x" * 300_000):
                self.keys.refresh()
                self.issuer.fetches[-1].callback(document)
            self.keys.refresh()
            self.issuer.fail(ConnectionError("The server is away."))
            self.assertEqual(self.find("1"), "1")
            self.fetched(jwk(OLD, "1"))

        self.assertEqual(
            [formatEvent(event) for event in logged],
            [
                f"The keys of tokens at {URL} cannot be fetched, so those in use stay: it is not"
                " JSON in UTF-8",
                f"Keys of tokens at {URL}: 1 now, 0 new, 0 removed",
            ],
        )
