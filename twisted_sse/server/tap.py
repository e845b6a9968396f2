"""
``twistd sse``: reads the options, and has the server built from them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import IService
from twisted.python import usage

from twisted_sse import units
from twisted_sse.history.plugins import build_history, describe_histories
from twisted_sse.server import config
from twisted_sse.server.build import make_server
from twisted_sse.server.config import Config
from twisted_sse.transport.tls.identity import read_passphrase

__all__ = ["Options", "makeService"]

# How each option's text is read.  Those that the user does not give keep the
# default that `Config` has.
_READERS: dict[str, Callable[[str], Any]] = {
    "history": build_history,
    "keepalive": units.interval,
    "retry": units.milliseconds,
    "anonymous": units.yes_or_no,
    "publish-token-file": units.read_tokens,
    "tls-passphrase-file": read_passphrase,
    "max-connections": units.count,
    "max-connections-per-address": units.count,
    "max-streams": units.count,
    "max-topics": units.count,
    "max-body": units.size,
    "send-timeout": units.interval,
    "grace": units.seconds,
}


class Options(usage.Options):
    """
    The options of ``twistd sse``.

    Attributes:
        config: What they say, after `parseOptions`.
    """

    synopsis = "Usage: twistd -n sse --port 8080 [options]"

    longdesc = (
        "A hub for Server-Sent Events: subscribe with GET /events?topic=NAME, "
        "publish with POST /events."
    )

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        ["keepalive", None, None, "Seconds of silence before a comment is sent, or off [15]."],
        ["retry", None, None, "The reconnection time that browsers are told, in ms [3000]."],
        ["anonymous", None, None, "yes or no: subscribe without a token [yes]."],
        ["publish-token-file", None, None, "A file with the secret tokens that let publish."],
        ["tls-passphrase-file", None, None, "A file with the passphrase of the private keys."],
        ["max-connections", None, None, "Answer 503 to one more subscriber."],
        ["max-connections-per-address", None, None, "Answer 429 to one more from an address."],
        ["max-streams", None, None, "The most streams on one HTTP/2 connection [256]."],
        ["max-topics", None, None, "The most topics of one subscriber [100]."],
        ["max-body", None, None, "The most bytes of one publishing request [1MiB]."],
        ["send-timeout", None, None, "Seconds that a reader may take nothing, or off [60]."],
        ["grace", None, None, "Seconds that slow readers get when the hub stops [10]."],
    ]

    optFlags = [  # noqa: RUF012
        ["demo", None, "Publish demo topics, and show them at /."],
        ["check-config", None, "Check the options, and stop."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["history"] = None
        self["ports"] = []
        self["cors-origins"] = []
        self["tls-certs"] = []
        self["tls-keys"] = []

    def opt_history(self, text: str) -> None:
        """
        Where events are kept: memory, sqlite, redis, ...; help shows all [memory:events=10000,...].
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
        Let web pages of this origin, or of any (*), use the hub; repeatable.
        """
        self["cors-origins"].append(text)

    def opt_tls_cert(self, path: str) -> None:
        """
        Serve TLS and HTTP/2 with this PEM certificate (chain); repeatable, chosen by server name.
        """
        self["tls-certs"].append(path)

    def opt_tls_key(self, path: str) -> None:
        """
        The PEM private key, if the certificate file has none; repeatable, in the same order.
        """
        self["tls-keys"].append(path)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        See `twisted.python.usage.Options.parseOptions`.

        Raises:
            SystemExit: An option cannot be obeyed; with the sentence that says
                why, and without the pages of usage that would hide it.
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
            tls_cert=self["tls-certs"],
            tls_key=self["tls-keys"],
            demo=bool(self["demo"]),
        )


def makeService(options: Options) -> IService:
    """
    See `twisted.application.service.IServiceMaker.makeService`.
    """
    return options.server
