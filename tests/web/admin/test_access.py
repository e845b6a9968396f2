"""
Who may look: this machine, or a grant for everything.
"""

import base64

from twisted.internet.address import UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Caller
from tests.web.admin.served import LOCAL, ServedAdmin
from twisted_sse import BearerTokens, Forbidden, Grant, Hub
from twisted_sse.web.admin.access import AdminTokens

__all__ = ["GrantTests", "HostTests", "TokenTests"]

# Everything that is served.
PATHS = (
    *("/status", "/connections", "/topics", "/metrics", "/stats", "/dashboard"),
    *("/static/dashboard.js", "/events?topic=a", "/connections/a-1"),
)


class HostTests(SynchronousTestCase):
    """
    Without authorization: names of this machine.
    """

    def test_local(self) -> None:
        """
        Every name and address of this machine is admitted.
        """
        admin = ServedAdmin()
        for host in ("localhost", "LOCALHOST:9090", "127.0.0.1:9090", "127.1.2.3", "[::1]:9090"):
            self.assertEqual(admin.look("/status", {"Host": host}).status, 200, host)

    def test_rebound(self) -> None:
        """
        A name that leads here and belongs to somebody else is refused, whatever is asked.
        """
        admin = ServedAdmin()
        for host in ("evil.example", "localhost.evil.example", "192.0.2.1", "127.0.0.1.evil.com"):
            self.assertEqual(admin.look("/status", {"Host": host}).status, 421, host)
        for path in PATHS:
            method = "DELETE" if path.startswith("/connections/") else "GET"
            answer = admin.call(method, path, {"Host": "evil.example"}).answer
            self.assertEqual(answer.status, 421, path)

    def test_unix(self) -> None:
        """
        Over a UNIX socket, any name will do: no browser connects to one.
        """
        admin = ServedAdmin()
        caller = Caller(admin.site)
        caller.transport.hostAddr = UNIXAddress("/run/admin.sock")
        caller.ask("GET", "/status", {"Host": "anything"})

        self.assertEqual(caller.answer.status, 200)


class GrantTests(SynchronousTestCase):
    """
    The resource of an embedded hub.
    """

    def status(self, grant: Grant) -> int:
        """
        Return the answer to a request with *grant*.
        """
        admin = ServedAdmin(admin=lambda request: grant)
        return admin.look("/status", {"Host": "hub.example"}).status

    def test_everything(self) -> None:
        """
        A grant for everything is admitted, under any name.
        """
        self.assertEqual(self.status(Grant("ops", subscribe=["*"], publish=["*"])), 200)

    def test_less(self) -> None:
        """
        Every other grant is refused.
        """
        less = [
            Grant("ada", subscribe=["*"]),
            Grant("ada", publish=["*"]),
            Grant("ada", subscribe=["news"], publish=["*"]),
            Grant("ada", public=True),
        ]
        self.assertEqual({self.status(grant) for grant in less}, {403})

    def test_everywhere(self) -> None:
        """
        Nothing is served to those who are refused.
        """

        def refuse(request: object) -> Grant:
            raise Forbidden("No.")

        admin = ServedAdmin(admin=refuse)
        for path in PATHS:
            method = "DELETE" if path.startswith("/connections/") else "GET"
            self.assertEqual(admin.call(method, path, LOCAL).answer.status, 403, path)

    def test_anonymous(self) -> None:
        """
        Tokens that let anybody read do not let anybody look.
        """
        admin = ServedAdmin(admin=BearerTokens("secret"))

        self.assertEqual(admin.look("/status").status, 401)
        token = {"Authorization": "Bearer secret"}
        self.assertEqual(admin.look("/status", {**LOCAL, **token}).status, 200)

    def test_expired(self) -> None:
        """
        A grant that has expired is refused.
        """
        expired = Grant(subscribe=["*"], publish=["*"], expires=0)

        self.assertEqual(self.status(expired), 401)

    def test_required(self) -> None:
        """
        An embedded hub needs an authorize function.
        """
        with self.assertRaisesRegex(TypeError, "authorize is None: give a function"):
            Hub().admin_resource(None)  # type: ignore[arg-type]

    def test_embedded(self) -> None:
        """
        The resource of a hub shows that hub.
        """
        admin = ServedAdmin()
        admin.subscribe("news")
        admin.serve(admin.hub.admin_resource(BearerTokens("secret")))

        answer = admin.look("/connections", {"Authorization": "Bearer secret"})

        self.assertEqual(answer.json["total"], 1)


class TokenTests(SynchronousTestCase):
    """
    The tokens of ``--admin-token-file``.
    """

    def setUp(self) -> None:
        """
        A hub with a token.
        """
        self.admin = ServedAdmin(admin=AdminTokens(BearerTokens("secret", anonymous=False)))

    def status(self, *authorization: str) -> int:
        """
        Return the answer to a request.
        """
        headers = {"Host": "hub.example", **dict.fromkeys(["Authorization"], *authorization)}
        if not authorization:
            del headers["Authorization"]
        return self.admin.look("/status", headers).status

    def basic(self, pair: str) -> str:
        """
        Return what a browser sends for a user and a password.
        """
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def test_known(self) -> None:
        """
        The token is a bearer token, or the password of any user.
        """
        for authorization in ("Bearer secret", self.basic("admin:secret"), self.basic(":secret")):
            self.assertEqual(self.status(authorization), 200, authorization)

    def test_unknown(self) -> None:
        """
        Everything else is refused.
        """
        passwords = [self.basic("secret:"), self.basic("secret")]
        for authorization in ("Bearer other", *passwords, "Basic ?", "Digest x"):
            self.assertEqual(self.status(authorization), 401, authorization)

    def test_challenge(self) -> None:
        """
        A browser asks its user for the password.
        """
        answer = self.admin.look("/dashboard", {"Host": "hub.example"})

        challenge = answer.header("WWW-Authenticate") or ""
        self.assertTrue(challenge.startswith('Basic realm="twisted_sse admin"'), challenge)
        self.assertIn("Bearer", challenge)
