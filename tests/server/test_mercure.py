"""
The options of ``twistd sse`` for Mercure are obeyed.
"""

from tests.server.commandline import FORM, CommandLineTests, Running

__all__ = ["MercureTests"]

HUB = "/.well-known/mercure"


class MercureTests(CommandLineTests):
    """
    ``--protocol``, ``--subscriptions`` and ``--public-url``.
    """

    def test_both_protocols(self) -> None:
        """
        By default the hub speaks both versions of the protocol.
        """
        running = Running()

        self.assertEqual(running.get(f"{HUB}?topic=a").status, 200)
        self.assertEqual(running.get(f"{HUB}?match=a").status, 200)

    def test_one_protocol(self) -> None:
        """
        With ``--protocol``, the names of the other version are not taken.
        """
        old, new = Running("--protocol", "mercure-0.x"), Running("--protocol", "mercure-1.0")

        self.assertEqual(old.get(f"{HUB}?topic=a").status, 200)
        self.assertEqual(old.get(f"{HUB}?match=a").status, 400)
        self.assertEqual(new.get(f"{HUB}?topic=a").status, 400)
        self.assertEqual(new.get(f"{HUB}?match=a").status, 200)

    def test_protocols_together(self) -> None:
        """
        Both may be given.
        """
        running = Running("--protocol", "mercure-0.x", "--protocol", "mercure-1.0")

        self.assertEqual(running.get(f"{HUB}?topic=a&match=b").status, 200)

    def test_subscriptions(self) -> None:
        """
        The active subscriptions are served with ``--subscriptions yes``, and not by default.
        """
        for arguments, status in (([], 404), (["--subscriptions", "yes"], 401)):
            with self.subTest(arguments=arguments):
                answer = Running(*arguments).get(f"{HUB}/subscriptions")

                self.assertEqual(answer.status, status)

    def test_public_url(self) -> None:
        """
        With ``--public-url``, requests to other hosts are answered with 421.
        """
        refused = Running("--public-url", "https://elsewhere.example").get(f"{HUB}?topic=a")
        served = Running(
            "--public-url", "https://elsewhere.example", "--public-url", "http://hub.example"
        )

        self.assertEqual(refused.status, 421)
        self.assertIn("https://elsewhere.example", refused.detail)
        self.assertEqual(served.get(f"{HUB}?topic=a").status, 200)

    def test_metadata(self) -> None:
        """
        The metadata are served if JSON Web Tokens are taken, and name the issuer.
        """
        path = f"/.well-known/oauth-protected-resource{HUB}"
        options = ["--jwt-key", "x" * 32, "--jwt-issuer", "https://login.example"]
        document = Running(*options, "--jwt-audience", "hub").get(path).json

        self.assertEqual(Running().get(path).status, 404)
        self.assertEqual(document["authorization_servers"], ["https://login.example"])
        self.assertEqual(document["mercure_cookie"], "__Secure-mercure_access_token")

    def test_forms_only(self) -> None:
        """
        Other resources of the hub are not changed by the options.
        """
        running = Running("--protocol", "mercure-1.0", "--public-url", "https://elsewhere.example")

        self.assertEqual(running.get("/events?topic=a").status, 200)
        self.assertEqual(running.ask("POST", "/events", FORM, b"topic=a").answer.status, 401)
