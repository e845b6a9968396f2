"""
``twistd sse``: reads the command line, and builds the server from it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from twisted.application.service import IService
from twisted.copyright import version as twisted_version
from twisted.python import usage

from twisted_sse import units
from twisted_sse.history.plugins import build_history, describe_histories
from twisted_sse.server import config
from twisted_sse.server.accessoptions import AccessOptions, read_access
from twisted_sse.server.build import make_server
from twisted_sse.server.config import Config
from twisted_sse.server.mercure import read_protocols
from twisted_sse.transport.tls.identity import read_passphrase

__all__ = ["Options", "makeService"]

# The functions that read the values of options.  An option that is not given keeps
# the default of `Config`.
_READERS: dict[str, Callable[[str], Any]] = {
    "history": build_history,
    "keepalive": units.interval,
    "retry": units.milliseconds,
    "retry-spread": units.milliseconds,
    "anonymous": units.yes_or_no,
    "publish-token-file": units.read_tokens,
    "subscriptions": units.yes_or_no,
    "tls-passphrase-file": read_passphrase,
    "max-connections": units.count,
    "max-connections-per-address": units.count,
    "max-streams": units.count,
    "max-topics": units.count,
    "max-body": units.size,
    "head-timeout": units.interval,
    "body-timeout": units.interval,
    "send-timeout": units.interval,
    "grace": units.seconds,
    "spread": units.seconds,
}


class Options(AccessOptions):
    """
    The options of ``twistd sse``.

    Attributes:
        config: The configuration, after `parseOptions`.

        server: The services built from it.
    """

    synopsis = "Usage: twistd -n sse --port 8080 [options]"

    longdesc = (
        "A hub for Server-Sent Events: subscribe with GET /events?topic=NAME, "
        "publish with POST /events."
    )

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        [
            "keepalive",
            None,
            None,
            "Send a comment after this many seconds of silence, or off [15].",
        ],
        ["retry", None, None, "Shortest reconnection time that browsers are told, in ms [3000]."],
        [
            "retry-spread",
            None,
            None,
            "The most by which it is longer for some of them, in ms [the same].",
        ],
        ["anonymous", None, None, "Whether subscribing works without a token, yes or no [yes]."],
        [
            "publish-token-file",
            None,
            None,
            "A file with the tokens that may publish, one per line.",
        ],
        [
            "subscriptions",
            None,
            None,
            "Whether Mercure tells which subscriptions are active, yes or no [no].",
        ],
        ["tls-passphrase-file", None, None, "A file with the passphrase of the private keys."],
        ["max-connections", None, None, "The most subscribers; one more is answered with 503."],
        [
            "max-connections-per-address",
            None,
            None,
            "The most subscribers of one address; one more is answered with 429.",
        ],
        ["max-streams", None, None, "The most streams on one HTTP/2 connection [256]."],
        ["max-topics", None, None, "The most topics in one subscription [100]."],
        ["max-body", None, None, "The largest body of a publishing request, in bytes [1MiB]."],
        [
            "head-timeout",
            None,
            None,
            "Seconds for the request line and the headers of a request, or off [10].",
        ],
        [
            "body-timeout",
            None,
            None,
            "Seconds for a request's body, plus one for each KiB of it, or off [30].",
        ],
        [
            "send-timeout",
            None,
            None,
            "Disconnect a subscriber that takes nothing for this many seconds, or off [60].",
        ],
        [
            "grace",
            None,
            None,
            "Seconds that slow subscribers may take to finish when the hub stops [8].",
        ],
        [
            "spread",
            None,
            None,
            "Seconds over which subscribers come back after the hub has stopped [10].",
        ],
    ]

    optFlags = [  # noqa: RUF012
        ["demo", None, "Publish demo topics, and show them at /."],
        ["check-config", None, "Check the options, and exit."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["history"] = None
        self["ports"] = []
        self["cors-origins"] = []
        self["protocols"] = []
        self["public-urls"] = []
        self["tls-certs"] = []
        self["tls-keys"] = []

    def opt_history(self, text: str) -> None:
        """
        Where to keep events: memory, sqlite, redis, ...; help lists all [memory:events=10000,...].
        """
        if text == "help":
            sys.stdout.write(describe_histories())
            sys.exit(0)
        self["history"] = text

    def opt_port(self, text: str) -> None:
        """
        A port number, or an endpoint description such as unix:/run/sse; repeatable [8080].
        """
        self["ports"].append(text)

    opt_p = opt_port

    def opt_cors_origin(self, text: str) -> None:
        """
        An origin whose web pages may use the hub, or * for all; repeatable.
        """
        self["cors-origins"].append(text)

    def opt_protocol(self, text: str) -> None:
        """
        A version of Mercure to speak, mercure-0.x or mercure-1.0; repeatable [both].
        """
        try:
            self["protocols"] += read_protocols(text)
        except ValueError as error:
            raise usage.UsageError(f"--protocol: {error}.") from None

    def opt_public_url(self, text: str) -> None:
        """
        An origin that the hub is known by, such as https://example.com; repeatable.
        """
        self["public-urls"].append(text)

    def opt_tls_cert(self, path: str) -> None:
        """
        A PEM certificate (chain), for TLS and HTTP/2; repeatable, chosen by server name.
        """
        self["tls-certs"].append(path)

    def opt_tls_key(self, path: str) -> None:
        """
        The PEM private key, if it is not in the certificate file; repeatable, in the same order.
        """
        self["tls-keys"].append(path)

    def opt_version(self) -> None:
        """
        Show the versions of this package and of Twisted, and exit.
        """
        try:
            number = version("twisted-sse")
        except PackageNotFoundError:
            # The package runs from a source directory, without being installed.
            number = "of an unknown version"
        sys.stdout.write(f"twisted-sse {number}, Twisted {twisted_version}\n")
        sys.exit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        See `twisted.python.usage.Options.parseOptions`.

        Raises:
            SystemExit: An option cannot be obeyed.  The message is one sentence,
                without the usage text that would hide it.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            raise SystemExit(f"twistd sse: {error}") from None

    def postOptions(self) -> None:
        """
        See `twisted.python.usage.Options.postOptions`.
        """
        from twisted.internet import reactor

        self.config = self._read()
        try:
            self.server = make_server(self.config, reactor)
        except config.InvalidOption as error:
            raise usage.UsageError(f"--{error.option}: {error.reason}.") from None
        if self["check-config"]:
            sys.stdout.write("The configuration is good.\n")
            sys.exit(0)

    def _read(self) -> Config:
        given = {name: self[name] for name in _READERS if self[name] is not None}
        values: dict[str, Any] = {}
        for option, text in given.items():
            try:
                values[option] = _READERS[option](text)
            except ValueError as error:
                raise usage.UsageError(f"--{option}: {error}.") from None
        return config.from_options(
            values,
            ports=self["ports"],
            cors_origins=self["cors-origins"],
            protocols=self["protocols"],
            public_urls=self["public-urls"],
            publish_token_file=self["publish-token-file"],
            access=read_access(self),
            tls_cert=self["tls-certs"],
            tls_key=self["tls-keys"],
            demo=bool(self["demo"]),
        )


def makeService(options: Options) -> IService:
    """
    See `twisted.application.service.IServiceMaker.makeService`.
    """
    return options.server
