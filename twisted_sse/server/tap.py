"""
``twistd sse``: reads the command line, and builds the server from it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.copyright import version as twisted_version
from twisted.internet.defer import Deferred
from twisted.python import usage

from twisted_sse.history.plugins import describe_histories
from twisted_sse.server.build import make_server
from twisted_sse.server.config.config import Config, read_config
from twisted_sse.server.config.option import Given, InvalidConfiguration, Option, error_sentence
from twisted_sse.server.config.options import OPTIONS
from twisted_sse.server.config.show import show_config
from twisted_sse.server.config.sources import find_sources
from twisted_sse.server.log.output import with_log
from twisted_sse.server.reconfiguration import Reconfiguration
from twisted_sse.server.role import Role, fresh_endpoint
from twisted_sse.server.takeover.claim import Claim
from twisted_sse.server.takeover.start import take_over
from twisted_sse.server.workers.parent import make_parent

__all__ = ["Options", "makeService"]


class Options(usage.Options):
    """
    The options of ``twistd sse``.

    Attributes:
        config: The configuration, after `parseOptions`.

        server: The services built from it.
    """

    synopsis = "Usage: twistd -n sse --port 8080 [options]"

    longdesc = (
        "A hub for Server-Sent Events: subscribe with GET /events?topic=NAME, "
        "publish with POST /events.  Options can also be set in a file (--config) and in the "
        "environment: TWISTED_SSE_PORT is --port."
    )

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        ["config", None, None, "A file in TOML that sets options by their names."],
    ]

    optFlags = [  # noqa: RUF012
        ["check-config", None, "Check the configuration, and exit."],
        ["print-config", None, "Show every option, its value, and where that is set, and exit."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self._given: dict[str, list[str]] = {}

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

    def parseArgs(self, *words: str) -> None:
        """
        See `twisted.python.usage.Options.parseArgs`: every option has a name.
        """
        if not words:
            return
        for name, (*_, text) in self._given.items():
            # Such an option has taken the next one for its value.
            if text.startswith("--"):
                raise usage.UsageError(
                    f"--{name} needs a value before {text}: write --{name} VALUE {text}."
                )
        raise usage.UsageError(f"{words[0]!r} is not an option: {_advice(words[0])}.")

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

        given: dict[str, Given] = {}
        try:
            sources = find_sources(self["config"], self._command_line())
            given = sources.read()
            checks_only = self["check-config"] or self["print-config"]
            claim = None if checks_only else take_over(given, reactor)
            self.config: Config = read_config(given)
            reconfiguration = None
            # Without a file, nothing that options say can change.
            if sources.path is not None and self.config.workers == 1:
                reconfiguration = Reconfiguration(self.config, given, sources)
            server = _make(self.config, given, claim, reactor, reconfiguration)
            self.server = with_log(server, self.config, self.parent, reconfiguration)
        except InvalidConfiguration as error:
            text = error_sentence(error, given)
            raise usage.UsageError(f"{text}{'' if text.endswith('?') else '.'}") from None
        if self["print-config"]:
            sys.stdout.write(show_config(given))
            sys.exit(0)
        if self["check-config"]:
            sys.stdout.write("The configuration is good.\n")
            sys.exit(0)

    def _command_line(self) -> dict[str, Given]:
        return {
            name: Given(tuple(texts), "command line", f"--{name}")
            for name, texts in self._given.items()
        }


def _make(
    config: Config,
    given: Mapping[str, Given],
    claim: Claim | None,
    reactor: Any,
    reconfiguration: Reconfiguration | None,
) -> MultiService:
    """
    Build the services of this process, with the sockets of *claim*.
    """
    endpoint = fresh_endpoint if claim is None else claim.endpoint
    server: MultiService
    if config.workers > 1:
        server = parent = make_parent(config, given, reactor, endpoint)
        ready = parent.supervisor.ready
    else:
        server = make_server(config, reactor, Role(endpoint=endpoint), reconfiguration)
        ready = Deferred()
        reactor.callWhenRunning(ready.callback, None)
    if claim is not None:
        claim.setServiceParent(server)
        ready.addCallback(lambda _: claim.tell_ready())
    return server


def _parser(option: Option) -> Callable[..., None]:
    """
    Make the method that `usage.Options` calls for *option*.
    """

    def take_flag(self: Options) -> None:
        self._given[option.name] = ["yes"]

    def take_value(self: Options, text: str) -> None:
        if option.name == "history" and text == "help":
            sys.stdout.write(describe_histories())
            sys.exit(0)
        earlier = self._given.get(option.name, []) if option.several else []
        self._given[option.name] = [*earlier, text]

    parser: Callable[..., None] = take_flag if option.flag else take_value
    parser.__doc__ = option.usage
    return parser


for _option in OPTIONS:
    _method = _parser(_option)
    # usage.Options shows two names of one method as one option.
    for _name in filter(None, (_option.name, _option.short)):
        setattr(Options, f"opt_{_name.replace('-', '_')}", _method)


def _advice(word: str) -> str:
    """
    What to write instead of a word that belongs to no option.
    """
    if word.isdigit():
        return f"write --port {word}"
    if word in ("yes", "no", "on", "off", "true", "false"):
        return "a flag such as --demo stands alone"
    return "every value follows its option, and --help lists them"


def makeService(options: Options) -> IService:
    """
    See `twisted.application.service.IServiceMaker.makeService`.
    """
    return options.server
