"""
Authentication by twisted.cred.
"""

import re
from hashlib import md5

from twisted.cred.checkers import (
    AllowAnonymousAccess,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.guard import (
    BasicCredentialFactory,
    DigestCredentialFactory,
    HTTPAuthSessionWrapper,
)
from twisted.web.resource import IResource, Resource
from twisted.web.server import Site
from zope.interface import Interface
from zope.interface.verify import verifyObject

from tests.support.curl import curl
from tests.support.http import Served
from twisted_sse import Forbidden, Grant, Hub, Unauthorized
from twisted_sse.broker.connections.endreason import EndReason

__all__ = ["BasicTests", "DigestTests", "RealmTests", "SocketTests"]

ADA = {"Authorization": "Basic YWRhOnMzY3JldA=="}  # ada:s3cret
EVE = {"Authorization": "Basic ZXZlOnMzY3JldA=="}  # eve:s3cret
WRONG = {"Authorization": "Basic YWRhOndyb25n"}  # ada:wrong


def inbox_of(user: str) -> Grant:
    """
    Grant every user their own inbox, but refuse eve.
    """
    if user == "eve":
        raise Forbidden("Not you.")
    return Grant(user, subscribe=[f"inbox/{user}"])


def guarded(realm: IRealm, *, anonymous: bool = False) -> Resource:
    """
    Make a site's root with the realm's streams at ``/events``.
    """
    portal = Portal(realm, [InMemoryUsernamePasswordDatabaseDontUse(ada=b"s3cret", eve=b"s3cret")])
    if anonymous:
        portal.registerChecker(AllowAnonymousAccess())
    factories = [BasicCredentialFactory("news"), DigestCredentialFactory("md5", b"news")]
    root = Resource()
    root.putChild(b"events", HTTPAuthSessionWrapper(portal, factories))
    return root


class RealmTests(SynchronousTestCase):
    """
    `GrantRealm` as a realm of a portal.
    """

    def test_interface(self) -> None:
        """
        It provides `IRealm`.
        """
        verifyObject(IRealm, Hub().realm(inbox_of))

    def test_other_avatars(self) -> None:
        """
        It has avatars only for `IResource`.
        """
        with self.assertRaises(NotImplementedError):
            Hub().realm(inbox_of).requestAvatar(b"ada", None, Interface)

    def test_names(self) -> None:
        """
        User names are str, whether a checker returns str or bytes.
        """
        for name in ("Zoë", "Zoë".encode()):
            with self.subTest(name=name):
                served = Served()
                realm = served.hub.realm(lambda user: Grant(user, public=True), topics=["a"])
                _, resource, log_out = realm.requestAvatar(name, None, Interface, IResource)
                served.serve(resource)
                served.get("/")
                log_out()

                self.assertEqual([one.user for one in served.hub.connections], ["Zoë"])


class BasicTests(SynchronousTestCase):
    """
    With basic authentication, in memory.
    """

    def setUp(self) -> None:
        """
        Serve a hub whose streams need a login.
        """
        self.served = Served()
        self.hub = self.served.hub
        self.served.serve(guarded(self.hub.realm(inbox_of)))

    def test_own(self) -> None:
        """
        A user reads what the grant allows, and nothing else.
        """
        caller = self.served.call("GET", "/events?topic=*", ADA)
        self.served.publish("for ada", topic="inbox/ada", private=True)
        self.served.publish("for eve", topic="inbox/eve", private=True)

        self.assertEqual([event.data for event in caller.answer.events[1:]], ["for ada"])
        self.assertEqual([one.user for one in self.hub.connections], ["ada"])

    def test_refused(self) -> None:
        """
        No password and a wrong one are challenged with 401; a refused user gets 403.
        """
        answers = [self.served.get("/events?topic=*", headers) for headers in ({}, WRONG, EVE)]
        challenge = answers[1].headers

        self.assertEqual([answer.status for answer in answers], [401, 401, 403])
        self.assertIn(("www-authenticate", 'basic realm="news"'), challenge)
        self.assertEqual(len(self.hub.connections), 0)

    def test_anonymous(self) -> None:
        """
        If anonymous access is allowed, anonymous users read what is not private.
        """
        self.served.serve(guarded(self.hub.realm(inbox_of), anonymous=True))
        caller = self.served.call("GET", "/events?topic=*")
        self.served.publish("secret", topic="inbox/ada", private=True)
        self.served.publish("hello", topic="news")

        self.assertEqual([event.data for event in caller.answer.events[1:]], ["hello"])
        self.assertEqual([one.user for one in self.hub.connections], [None])

    def test_options(self) -> None:
        """
        The options of `Hub.resource` apply to the streams.
        """
        realm = self.hub.realm(inbox_of, topics=["inbox/ada"], priming="block")
        self.served.serve(guarded(realm))
        answer = self.served.get("/events", ADA)

        self.assertEqual([event.event for event in answer.events], [None])

    def test_later(self) -> None:
        """
        The grant may be a Deferred.
        """
        grant: Deferred[Grant] = Deferred()
        self.served.serve(guarded(self.hub.realm(lambda user: grant)))
        caller = self.served.call("GET", "/events?topic=*", ADA)
        waiting = caller.answers
        grant.callback(inbox_of("ada"))

        self.assertEqual(waiting, [])
        self.assertEqual(caller.answer.status, 200)

    def test_changed(self) -> None:
        """
        When a grant has changed, *grant_of* is called again with the user's name.
        """
        grants = {"ada": inbox_of("ada")}
        self.served.serve(guarded(self.hub.realm(lambda user: grants[user])))
        caller = self.served.call("GET", "/events?topic=*", ADA)
        (connection,) = self.hub.connections
        grants["ada"] = Grant("ada", subscribe=["rooms/1"])
        self.hub.grant_changed("ada")
        self.served.publish("for ada", topic="inbox/ada", private=True)
        self.served.publish("room", topic="rooms/1", private=True)
        self.hub.disconnect("ada")

        self.assertEqual([event.data for event in caller.answer.events[1:]], ["room"])
        self.assertEqual(connection.ended, EndReason.CLOSED)

    def test_locked_out(self) -> None:
        """
        When a user is locked out, the stream ends and a new one is refused.
        """
        locked_out = set()

        def grant_of(user: str) -> Grant:
            if user in locked_out:
                raise Unauthorized("Ask an administrator.")
            return inbox_of(user)

        self.served.serve(guarded(self.hub.realm(grant_of)))
        caller = self.served.call("GET", "/events?topic=*", ADA)
        locked_out.add("ada")
        self.hub.grant_changed("ada")

        self.assertTrue(caller.answer.ended)
        self.assertEqual(self.served.get("/events?topic=*", ADA).status, 401)


class DigestTests(SynchronousTestCase):
    """
    With digest authentication, which does not send the password.
    """

    def test_login(self) -> None:
        """
        The right answer to the challenge is accepted, a wrong one refused.
        """
        served = Served()
        served.serve(guarded(served.hub.realm(inbox_of)))
        challenges = [value for _, value in served.get("/events?topic=*").headers]
        (challenge,) = [value for value in challenges if value.startswith("digest")]
        given = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        answers = [
            served.get("/events?topic=*", {"Authorization": _digest(given, password)})
            for password in ("s3cret", "wrong")
        ]

        self.assertEqual([answer.status for answer in answers], [200, 401])
        self.assertEqual([one.user for one in served.hub.connections], ["ada"])


def _digest(given: dict[str, str], password: str) -> str:
    """
    RFC 2617: the answer to a challenge, for ada and ``GET /events?topic=*``.
    """

    def hashed(*parts: str) -> str:
        return md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()

    uri = "/events?topic=*"
    secret, asked = hashed("ada", given["realm"], password), hashed("GET", uri)
    fields = {
        **{"username": "ada", "realm": given["realm"], "nonce": given["nonce"], "uri": uri},
        "response": hashed(secret, given["nonce"], asked),
        "opaque": given["opaque"],
    }
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items())


class SocketTests(TestCase):
    """
    With curl, over real sockets.
    """

    async def test_curl(self) -> None:
        """
        A stream has what its user may read, and ends when the grant is revoked.
        """
        hub = Hub(keepalive=None, send_timeout=None)
        locked_out: set[str] = set()

        def grant_of(user: str) -> Grant:
            if user in locked_out:
                raise Forbidden("Ask an administrator.")
            return inbox_of(user)

        site = Site(guarded(hub.realm(grant_of)))
        port = reactor.listenTCP(0, site, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        url = f"http://127.0.0.1:{port.getHost().port}/events?topic=*"
        ended: Deferred[EndReason] = Deferred()

        @hub.on_connect
        async def lock_out(connection: object) -> None:
            await hub.publish("inbox/eve", "for eve", private=True)
            await hub.publish("inbox/ada", "for ada", private=True)
            locked_out.add("ada")
            await hub.grant_changed("ada")

        hub.on_disconnect(lambda connection, reason: ended.callback(reason))
        stream = await deferToThread(curl, "--user", "ada:s3cret", url)
        refused = await deferToThread(curl, "--user", "ada:s3cret", url)

        self.assertEqual((stream.status, refused.status), (200, 403))
        self.assertIn("data: for ada\n", stream.body)
        self.assertNotIn("for eve", stream.body)
        self.assertEqual(await ended, EndReason.REVOKED)
