"""
The first lines of the log.
"""

from tests.server.commandline import CommandLineTests, Running

__all__ = ["StartupBannerTests"]


class StartupBannerTests(CommandLineTests):
    """
    `StartupBanner`.
    """

    def test_commands(self) -> None:
        """
        The log shows commands to paste, with the token that was generated for this run.
        """
        running = Running("--port", "8123")
        token = running.log.partition("Bearer ")[2].partition("'")[0]

        self.assertIn("curl -N 'http://localhost:8123/events?topic=news'", running.log)
        self.assertEqual(running.post(b"topic=news&data=x", token).status, 200)
        self.assertEqual(running.post(b"topic=news&data=x", token + "x").status, 401)

    def test_new_token_each_time(self) -> None:
        """
        Every run generates a different token.
        """
        tokens = {Running().log.partition("Bearer ")[2].partition("'")[0] for _ in range(3)}

        self.assertEqual(len(tokens), 3)
        self.assertTrue(all(len(token) >= 32 for token in tokens))
