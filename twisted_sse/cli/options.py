"""
What all commands understand: an address, who asks, and whom to trust.
"""

from __future__ import annotations

import getopt
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any

from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.python import usage
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.iweb import IAgent

from twisted_sse.cli.address import Address, address_of
from twisted_sse.units import read_tokens

__all__ = ["RequestOptions", "Versioned"]

_PEM_END = "-----END CERTIFICATE-----"


class Versioned(usage.Options):
    """
    Knows which version of this package it is.
    """

    def opt_version(self) -> None:
        """
        Show the version, and exit.
        """
        try:
            number = version("twisted-sse")
        except PackageNotFoundError:
            # It runs from a directory that nobody has installed.
            number = "of an unknown version"
        sys.stdout.write(f"twisted-sse {number}\n")
        sys.exit(0)


class RequestOptions(Versioned):
    """
    The options that ask a server something.

    Attributes:
        address: Whom.

        given: The options as they were given, with their values.
    """

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        ["token", None, None, "A secret token; others see it in the list of processes."],
        ["token-file", None, None, "A file with the token, or - without one [$TWISTED_SSE_TOKEN]."],
        ["cafile", None, None, "Trust these PEM certificates, and no others."],
    ]

    # How each option's text is read.
    readers: dict[str, Callable[[str], Any]] = {}  # noqa: RUF012

    #: How the command is called, and what it does.
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
            raise usage.UsageError(f"--header: the value of {name} has a control character.")
        self["headers"].append((name, value.strip()))

    opt_H = opt_header

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        See `twisted.python.usage.Options.parseOptions`; options may follow
        arguments, as people type them.
        """
        try:
            # Twisted's shortOpt and longOpt are what it would give to getopt itself.
            pairs, rest = getopt.gnu_getopt(list(options or ()), self.shortOpt, self.longOpt)
        except getopt.GetoptError as error:
            raise usage.UsageError(f"{str(error).removesuffix('.')}.") from None
        self.given = pairs
        words = [[name, value] if self.takes_value(name) else [name] for name, value in pairs]
        super().parseOptions([*chain.from_iterable(words), "--", *rest])

    def parseArgs(self, url: str | None = None) -> None:
        """
        See `twisted.python.usage.Options.parseArgs`.
        """
        if url is None:
            raise usage.UsageError("Say where: a URL, such as http://localhost:8080/events.")
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
            raise usage.UsageError("Give --token or --token-file, not both.")
        if self["token-file"] is not None:
            self["token"] = self.read("token-file", read_tokens, self["token-file"])[0]
        if self["token"] is None:
            self["token"] = os.environ.get("TWISTED_SSE_TOKEN") or None
        if self["token"] is not None and not self["token"].isprintable():
            raise usage.UsageError("--token: it has a control character.")
        self["cafile"] = self["cafile"] and self.read("cafile", _trust, self["cafile"])

    def read(self, name: str, read: Callable[[str], Any], text: str) -> Any:
        """
        Read the value of an option.

        Raises:
            usage.UsageError: It cannot be obeyed.
        """
        try:
            return read(text)
        except ValueError as error:
            raise usage.UsageError(f"--{name}: {error}.") from None

    def takes_value(self, name: str) -> bool:
        """
        Whether the option *name*, as it is written, has a value.
        """
        return (
            f"{name[2:]}=" in self.longOpt if name[:2] == "--" else f"{name[1]}:" in self.shortOpt
        )

    @property
    def headers(self) -> dict[str, list[str]]:
        """
        The headers to send, the token among them.
        """
        headers: dict[str, list[str]] = {}
        if self["token"] is not None:
            headers["Authorization"] = [f"Bearer {self['token']}"]
        for name, value in self["headers"]:
            headers.setdefault(name, []).append(value)
        return headers

    def agent(self) -> IAgent | None:
        """
        Who makes requests; ``None`` if nothing special is asked for.
        """
        if self["cafile"] is None:
            return None
        from twisted.internet import reactor

        pool = HTTPConnectionPool(reactor, persistent=False)
        return Agent(reactor, BrowserLikePolicyForHTTPS(self["cafile"]), pool=pool)


def _trust(path: str) -> Any:
    try:
        text = Path(path).read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no PEM file"
        raise ValueError(f"{path} cannot be read: {reason}") from None
    pieces = [one + _PEM_END for one in text.split(_PEM_END)[:-1]]
    try:
        certificates = [Certificate.loadPEM(one.encode()) for one in pieces]
    except Exception:
        # OpenSSL and cryptography have errors of their own for what is no certificate.
        certificates = []
    if not certificates:
        raise ValueError(f"{path} has no certificate in PEM form")
    return trustRootFromCertificates(certificates)
