"""
The first lines of the log: how to use the hub, as commands to paste.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from twisted.application.service import Service
from twisted.internet.address import UNIXAddress
from twisted.logger import Logger

from twisted_sse.server.listening import EndpointService
from twisted_sse.server.portdescription import PortDescription

__all__ = ["Served", "StartupBanner", "bearer_from_file"]

# The addresses that mean every interface; a client can't connect to them everywhere.
_EVERY_INTERFACE = ("", "0.0.0.0", "::")


class Served(NamedTuple):
    """
    An endpoint, and whether it speaks TLS.
    """

    endpoint: EndpointService
    secure: bool

    @property
    def url(self) -> str | None:
        """
        The address of the hub for clients on this machine; ``None`` if it is no TCP port.
        """
        address = self.endpoint.address
        port = getattr(address, "port", None)
        if port is None:
            return None
        host: str = getattr(address, "host", "")
        if host in _EVERY_INTERFACE:
            host = "localhost"
        elif ":" in host:
            # RFC 6874: the "%" of a zone is written "%25".
            host = f"[{host.replace('%', '%25')}]"
        return f"{self._scheme}://{host}:{port}"

    def curl(self, *options: str) -> str:
        """
        A command for curl that ends within the quotes around the URL, before the path.
        """
        command = ["curl", *options]
        if PortDescription.parse(self.endpoint.description).proxied:
            command.append("--haproxy-protocol")
        if self.secure:
            # The name of the certificate is hardly that of this machine.
            command.append("-k")
        if self.url is None:
            command.append(_socket_option(self.endpoint.address))
        return f"{' '.join(command)} '{self.url or f'{self._scheme}://localhost'}"

    @property
    def _scheme(self) -> str:
        return "https" if self.secure else "http"


class StartupBanner(Service):
    """
    Logs, when the hub starts, commands that subscribe and publish.

    Args:
        served: The endpoints, which must be listening when this service starts.

        header: The option of curl that sends a token.

        generated: Whether the token was generated for this run.

        anonymous: Whether subscribing works without a token.

        demo: Whether there is a demo page.
    """

    _log = Logger()

    def __init__(
        self,
        served: Sequence[Served],
        header: str,
        *,
        generated: bool,
        anonymous: bool,
        demo: bool,
    ) -> None:
        self._served = served
        self._header = header
        self._generated = generated
        self._anonymous = anonymous
        self._demo = demo

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        first = self._served[0]
        self._log.info(
            "Subscribe: {curl}/events?topic=news'{header}",
            curl=first.curl("-N"),
            header="" if self._anonymous else f" {self._header}",
        )
        self._log.info(
            "Publish:   {curl}/events' {header} -d topic=news -d data=hello",
            curl=first.curl(),
            header=self._header,
        )
        if self._generated:
            self._log.info(
                "The token is valid until the hub stops. To set your own, use --publish-token-file."
            )
        if self._demo:
            self._log.info("Demo page: {page}", page=self._page())
        self._tell_plain()

    def _page(self) -> str:
        for one in self._served:
            if one.url is not None:
                return f"{one.url}/"
        return f"/ of --port {self._served[0].endpoint.description}"

    def _tell_plain(self) -> None:
        if any(one.secure for one in self._served):
            for one in self._served:
                if not one.secure:
                    self._log.info(
                        "--port {description} serves HTTP without TLS",
                        description=one.endpoint.description,
                    )


def bearer_from_file(path: str, token: str) -> str:
    """
    The option of curl that sends the first token of a file, as a shell command reads it.

    Args:
        token: The first token, which is never part of the command.
    """
    if not Path(path).is_file():
        # A pipe, such as <(command), is empty after it was read.
        return "-H 'Authorization: Bearer TOKEN'"
    # Absolute, because the command may be pasted in any directory.
    name = shlex.quote(str(Path(path).absolute()))
    command = f"head -n 1 {name}"
    if Path(path).read_bytes().partition(b"\n")[0] != token.encode("utf-8"):
        # There are empty lines, spaces, a carriage return or a byte-order mark around it.
        command = f"tr -d '\\r\\357\\273\\277' < {name} | awk 'NF {{ print $1; exit }}'"
    return f'-H "Authorization: Bearer $({command})"'


def _socket_option(address: object) -> str:
    name = address.name if isinstance(address, UNIXAddress) else None
    if not name:
        return "--unix-socket PATH"
    path = os.fsdecode(name)
    if path.startswith("\0"):
        return f"--abstract-unix-socket {shlex.quote(path[1:])}"
    # twistd may change its directory after it has logged this.
    return f"--unix-socket {shlex.quote(os.path.abspath(path))}"
