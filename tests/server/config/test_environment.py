"""
Options in the environment.
"""

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.server.commandline import CommandLineTests, parse
from twisted_sse.server.config.environment import read_environment
from twisted_sse.server.config.option import InvalidConfiguration

__all__ = ["EnvironmentTests", "PrecedenceTests"]


class EnvironmentTests(SynchronousTestCase):
    """
    `read_environment`.
    """

    def read(self, **environment: str) -> dict[str, tuple[str, ...]]:
        """
        Return the texts of what is given.
        """
        return {name: given.texts for name, given in read_environment(environment).items()}

    def test_names(self) -> None:
        """
        Dashes are underscores; other variables are ignored.
        """
        self.assertEqual(
            self.read(TWISTED_SSE_MAX_BODY="64KiB", PATH="/bin", TWISTED="x"),
            {"max-body": ("64KiB",)},
        )

    def test_several(self) -> None:
        """
        Spaces separate the values of an option that may be repeated.
        """
        self.assertEqual(
            self.read(TWISTED_SSE_PORT=" 8080  unix:/run/sse "), {"port": ("8080", "unix:/run/sse")}
        )

    def test_spaces(self) -> None:
        """
        Another value may contain spaces.
        """
        self.assertEqual(self.read(TWISTED_SSE_HISTORY="sqlite:a b"), {"history": ("sqlite:a b",)})

    def test_empty(self) -> None:
        """
        An empty variable counts as not set.
        """
        self.assertEqual(self.read(TWISTED_SSE_PORT="", TWISTED_SSE_RETRY=" "), {})

    def test_unknown(self) -> None:
        """
        A variable that names no option is an error, with advice.
        """
        with self.assertRaises(InvalidConfiguration) as caught:
            self.read(TWISTED_SSE_MAX_BODIES="1")

        self.assertEqual(
            str(caught.exception),
            "TWISTED_SSE_MAX_BODIES: there is no such option: did you mean TWISTED_SSE_MAX_BODY?",
        )

    def test_terminal_tools(self) -> None:
        """
        The variables of ``twisted-sse`` may be set beside a hub.
        """
        self.assertEqual(self.read(TWISTED_SSE_TOKEN="secret", TWISTED_SSE_DEBUG="1"), {})

    def test_kubernetes(self) -> None:
        """
        The variables of a Kubernetes service called ``twisted-sse`` are ignored.
        """
        self.assertEqual(
            self.read(
                TWISTED_SSE_SERVICE_HOST="10.0.0.1",
                TWISTED_SSE_SERVICE_PORT="80",
                TWISTED_SSE_SERVICE_PORT_HTTP="80",
                TWISTED_SSE_PORT="tcp://10.0.0.1:80",
                TWISTED_SSE_PORT_80_TCP="tcp://10.0.0.1:80",
                TWISTED_SSE_PORT_80_TCP_PROTO="tcp",
                TWISTED_SSE_PORT_80_TCP_PORT="80",
                TWISTED_SSE_PORT_80_TCP_ADDR="10.0.0.1",
            ),
            {},
        )


class PrecedenceTests(CommandLineTests):
    """
    The order of the sources.
    """

    def setenv(self, **variables: str) -> None:
        """
        Set variables for this test.
        """
        before = dict(os.environ)
        os.environ.update(variables)
        self.addCleanup(os.environ.update, before)
        self.addCleanup(os.environ.clear)

    def test_over_file(self) -> None:
        """
        The environment overrides the file, and the command line overrides both.
        """
        path = self.file(b"retry = 1\ngrace = 1\nspread = 1\n")
        self.setenv(TWISTED_SSE_GRACE="2", TWISTED_SSE_SPREAD="2")
        config = parse("--config", path, "--spread", "3").config

        self.assertEqual((config.retry, config.grace, config.spread), (1, 2.0, 3.0))

    def test_file_of_environment(self) -> None:
        """
        A variable can name the file; ``--config`` overrides it.
        """
        first, second = self.file(b"retry = 1\n"), self.file(b"retry = 2\n")
        self.setenv(TWISTED_SSE_CONFIG=first)

        self.assertEqual(parse().config.retry, 1)
        self.assertEqual(parse("--config", second).config.retry, 2)

    def test_blame(self) -> None:
        """
        An error names the variable.
        """
        self.setenv(TWISTED_SSE_KEEPALIVE="often")

        with self.assertRaises(SystemExit) as caught:
            parse()

        self.assertEqual(
            str(caught.exception),
            "twistd sse: TWISTED_SSE_KEEPALIVE: 'often' is not a number of seconds.",
        )
