"""
Options of all commands: the URL, the token, headers, and trusted certificates.
"""

from __future__ import annotations

import getopt
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.ssl import trustRootFromCertificates
from twisted.python import usage
from twisted.web.client import BrowserLikePolicyForHTTPS

from twisted_sse import units
from twisted_sse.cli.address import Address, address_of
from twisted_sse.client.agent import DefaultAgent
from twisted_sse.client.proxies import proxy_for
from twisted_sse.transport.tls.trust import load_ca_certificates

__all__ = ["RequestOptions", "VersionOptions"]


class VersionOptions(usage.Options):
    """
    Adds ``--version``.
    """

    def opt_version(self) -> None:
        """
        Show the version, and exit.
        """
        try:
            number = version("twisted-sse")
        except PackageNotFoundError:
            # The package runs from a source directory, without being installed.
            number = "of an unknown version"
        sys.stdout.write(f"twisted-sse {number}\n")
        sys.exit(0)


class RequestOptions(VersionOptions):
    """
    Options of a command that makes requests.

    Attributes:
        address: The URL.

        typed: The options as they were typed, with their values.
    """

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        ["token", None, None, "A secret token; other users see it in the list of processes."],
        ["token-file", None, None, "A file with the token. Without it: $TWISTED_SSE_TOKEN."],
        ["cafile", None, None, "Trust only the PEM certificates in this file."],
    ]

    # Functions that parse the values of options, by name.
    readers: dict[str, Callable[[str], Any]] = {}  # noqa: RUF012

    #: The name and the usage of the command.
    name = ""
    synopsis = "URL [options]"
    longdesc = ""

    def __init__(self) -> None:
        super().__init__()
        self["headers"] = []

    def getSynopsis(self) -> str:
        """
        See `twisted.python.usage.Options.getSynopsis`.
        """
        return f"Usage: twisted-sse {self.name} {self.synopsis}\n"

    def opt_header(self, text: str) -> None:
        """
        Send 'Name: value' with every request; repeatable.
        """
        name, colon, value = text.partition(":")
        if not (colon and name.strip() and name.isascii() and not set(name) & set(" \t\r\n")):
            raise usage.UsageError(f"--header: {text!r} is not 'Name: value'.")
        if not value.isprintable():
            raise usage.UsageError(f"--header: the value of {name} contains a control character.")
        self["headers"].append((name, value.strip()))

    opt_H = opt_header

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        See `twisted.python.usage.Options.parseOptions`; here options may follow
        arguments.
        """
        try:
            # Twisted passes its shortOpt and longOpt to getopt in the same way.
            pairs, rest = getopt.gnu_getopt(list(options or ()), self.shortOpt, self.longOpt)
        except getopt.GetoptError as error:
            raise usage.UsageError(f"{str(error).removesuffix('.')}.") from None
        self.typed = pairs
        words = [[name, value] if self.takes_value(name) else [name] for name, value in pairs]
        super().parseOptions([*chain.from_iterable(words), "--", *rest])

    def parseArgs(self, url: str | None = None) -> None:
        """
        See `twisted.python.usage.Options.parseArgs`.
        """
        if url is None:
            raise usage.UsageError("Pass a URL, such as http://localhost:8080/events.")
        try:
            self.address: Address = address_of(url)
        except ValueError as error:
            raise usage.UsageError(f"{error}.") from None

    def postOptions(self) -> None:
        """
        See `twisted.python.usage.Options.postOptions`.
        """
        for name, read in self.readers.items():
            if self[name] is not None:
                self[name] = self.read(name, read, self[name])
        if self["token"] is not None and self["token-file"] is not None:
            raise usage.UsageError("Pass either --token or --token-file, not both.")
        if self["token-file"] is not None:
            self["token"] = self.read("token-file", units.read_tokens, self["token-file"])[0]
        if self["token"] is None:
            self["token"] = os.environ.get("TWISTED_SSE_TOKEN") or None
        if self["token"] is not None and not self["token"].isprintable():
            raise usage.UsageError("--token: the token contains a control character.")
        self._check_proxy()
        self["cafile"] = self["cafile"] and self.read("cafile", _load_trust_root, self["cafile"])

    def read(self, name: str, read: Callable[[str], Any], text: str) -> Any:
        """
        Parse the value of an option.

        Raises:
            usage.UsageError: The value is invalid.
        """
        try:
            return read(text)
        except ValueError as error:
            raise usage.UsageError(f"--{name}: {error}.") from None

    def takes_value(self, name: str) -> bool:
        """
        Tell whether an option, as it was typed, takes a value.
        """
        return (
            f"{name[2:]}=" in self.longOpt if name[:2] == "--" else f"{name[1]}:" in self.shortOpt
        )

    @property
    def headers(self) -> dict[str, list[str]]:
        """
        The headers of every request, with the token.
        """
        headers: dict[str, list[str]] = {}
        if self["token"] is not None:
            headers["Authorization"] = [f"Bearer {self['token']}"]
        for name, value in self["headers"]:
            headers.setdefault(name, []).append(value)
        return headers

    def _check_proxy(self) -> None:
        parts = urlsplit(self.address.url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        try:
            proxy_for(parts.scheme, parts.hostname or "", port)
        except ValueError as error:
            raise usage.UsageError(f"{error}.") from None

    def agent(self) -> DefaultAgent:
        """
        Make an agent that trusts ``--cafile``.
        """
        from twisted.internet import reactor

        policy = None
        if self["cafile"] is not None:
            policy = BrowserLikePolicyForHTTPS(self["cafile"])
        return DefaultAgent(reactor, policy=policy)


def _load_trust_root(path: str) -> Any:
    return trustRootFromCertificates(load_ca_certificates(path))
