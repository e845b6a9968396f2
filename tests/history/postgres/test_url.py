"""
PostgreSQL URLs, valid and invalid.
"""

import os

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.history.postgres.url import PostgresHost, PostgresURL

__all__ = ["PostgresURLTests", "VerificationTests"]

# No error may contain it.
SECRET = "swordfish"


def without_environment(case: SynchronousTestCase, **given: str) -> None:
    """
    Set the environment of libpq to *given*, until the test ends.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    case.patch(os, "environ", {**kept, **given})


class PostgresURLTests(SynchronousTestCase):
    """
    Parsing.
    """

    GOOD = [
        ("postgresql://h/d", (PostgresHost("h", "5432"),)),
        ("postgres://u:p%40@h:7/d?sslmode=require", (PostgresHost("h", "7"),)),
        ("postgresql://a:1,b:2/d", (PostgresHost("a", "1"), PostgresHost("b", "2"))),
        ("postgresql://a,b/d?port=7", (PostgresHost("a", "7"), PostgresHost("b", "7"))),
        ("postgresql://[::1]:7/d", (PostgresHost("::1", "7"),)),
        ("postgresql:///d", (PostgresHost("localhost", "5432"),)),
        ("postgresql:///d?host=/run/x", (PostgresHost("/run/x", "5432"),)),
        ("postgresql://%2Frun%2Fx/d", (PostgresHost("/run/x", "5432"),)),
        ("postgresql://h/d?hostaddr=10.0.0.1", (PostgresHost("h", "5432", "10.0.0.1"),)),
    ]

    BAD = [
        ("", "does not look like"),
        ("http://h/d", "does not look like"),
        ("postgresql:h", "does not look like"),
        ("postgresql://h/d?schema=x", "schema=, follow a comma"),
        (f"postgresql://u:a@{SECRET}@h/d", "in a password write @ as %40"),
        (f"postgresql://u:{SECRET}@h/d?what=1", "libpq does not know"),
        (f"postgresql://u:a/{SECRET}@h/d", "a port of the URL"),
        ("postgresql://h:0/d", "a port of the URL"),
        ("postgresql://h:70000/d", "a port of the URL"),
        ("postgresql://a:1,b:2/d?hostaddr=10.0.0.1", "as many ports, or addresses"),
        ("postgresql://h/d?connect_timeout=3", "a timeout of its own"),
        ("postgresql://h/d?client_encoding=LATIN1", "always UTF-8"),
        ("postgresql://h/d?load_balance_hosts=random", "in order"),
        ("postgresql://h/d?replication=true", "replication only"),
    ]

    def setUp(self) -> None:
        """
        Have no environment.
        """
        without_environment(self)

    def test_good(self) -> None:
        """
        A URL has hosts and ports, as for psql.
        """
        for url, targets in self.GOOD:
            with self.subTest(url=url):
                self.assertEqual(PostgresURL.parse(url).targets, targets)

    def test_bad(self) -> None:
        """
        The error says what to do, and quotes nothing.
        """
        for url, hint in self.BAD:
            with self.subTest(url=url):
                with self.assertRaisesRegex(ValueError, hint) as caught:
                    PostgresURL.parse(url)
                self.assertNotIn(SECRET, str(caught.exception))

    def test_environment(self) -> None:
        """
        What the URL leaves out comes from the environment.
        """
        without_environment(self, PGHOST="h", PGPORT="7", PGDATABASE="d")
        url = PostgresURL.parse("postgresql:///")

        self.assertEqual(url.targets, (PostgresHost("h", "7"),))
        self.assertEqual(str(url), "postgresql://h:7/d")

    def test_secret(self) -> None:
        """
        Nothing shows the password, and libpq gets it.
        """
        url = PostgresURL.parse(f"postgresql://u:{SECRET}@h/d?password={SECRET}")

        for shown in (str(url), repr(url), url.address):
            self.assertNotIn(SECRET, shown)
        self.assertEqual(url.for_target(url.targets[0], "10.0.0.1")["password"], SECRET)

    def test_socket(self) -> None:
        """
        A UNIX socket has no IP address.
        """
        url = PostgresURL.parse("postgresql:///d?host=/run/x&port=7")
        options = url.for_target(url.targets[0], "")

        self.assertEqual(url.address, "/run/x/.s.PGSQL.7")
        self.assertEqual((options["host"], options.get("hostaddr")), ("/run/x", None))


class VerificationTests(SynchronousTestCase):
    """
    Which servers have to prove who they are.
    """

    def mode(self, url: str) -> str | None:
        """
        The sslmode that libpq is told.
        """
        parsed = PostgresURL.parse(url)
        return parsed.for_target(parsed.targets[0], "10.0.0.1").get("sslmode")

    def test_default(self) -> None:
        """
        All but those of this machine.
        """
        without_environment(self)

        for host in ("localhost", "127.0.0.1", "[::1]", "%2Frun%2Fx"):
            self.assertEqual(self.mode(f"postgresql://{host}/d"), None, host)
        for host in ("example.com", "10.0.0.1", "localhost.example.com", "[2001:db8::1]"):
            self.assertEqual(self.mode(f"postgresql://{host}/d"), "verify-full", host)

    def test_given(self) -> None:
        """
        The URL and the environment decide otherwise.
        """
        without_environment(self)
        self.assertEqual(self.mode("postgresql://h/d?sslmode=disable"), "disable")

        without_environment(self, PGSSLMODE="require")
        self.assertEqual(self.mode("postgresql://h/d"), None)

    def test_authorities(self) -> None:
        """
        Certificates are verified with those of the URL, or else of the machine.
        """
        without_environment(self)
        for url, expected in (
            ("postgresql://h/d?sslrootcert=/ca.pem", "/ca.pem"),
            ("postgresql://localhost/d", None),
        ):
            parsed = PostgresURL.parse(url)
            options = parsed.for_target(parsed.targets[0], "10.0.0.1")
            self.assertEqual(options.get("sslrootcert"), expected)
