"""
The endpoint that shows what goes on in a hub: ``--admin``.

Without tokens, only programs of this machine can reach it.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.logger import Logger

from twisted_sse.hub import Hub
from twisted_sse.server.config.config import Config
from twisted_sse.server.config.option import InvalidOption
from twisted_sse.server.listening import EndpointService
from twisted_sse.server.role import MakeEndpoint
from twisted_sse.server.site import HubSite, site_limits
from twisted_sse.web.admin.access import AdminTokens
from twisted_sse.web.admin.processes import Processes
from twisted_sse.web.admin.resource import AdminResource
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.resource import Authorize
from twisted_sse.web.tokenfile import TokenFile

__all__ = ["AdminEndpoint", "admin_endpoint", "check_admin"]

_HIGHEST_PORT = 65535

# A backslash makes a colon part of an argument.
_COLON = re.compile(r"(?<!\\):")


class AdminEndpoint(EndpointService):
    """
    Listens for those who look, and logs where.
    """

    _log = Logger()

    option = "admin"

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        address = self.address
        if isinstance(address, UNIXAddress):
            path = os.path.abspath(os.fsdecode(address.name or b""))
            self._log.info("Admin: curl --unix-socket {path} http://localhost/status", path=path)
        else:
            host, port = getattr(address, "host", ""), getattr(address, "port", "")
            shown = f"[{host}]" if ":" in host else host
            self._log.info("Admin: http://{host}:{port}/", host=shown, port=port)


def check_admin(config: Config, reactor: Any) -> Authorize | None:
    """
    Return what authorizes requests to ``--admin``; ``None`` if nothing has to.

    Raises:
        InvalidOption: An option cannot be obeyed.
    """
    listed, admin = config.admin_tokens, config.admin
    if admin is not None and admin.isdigit() and int(admin) > _HIGHEST_PORT:
        raise InvalidOption("admin", f"the highest port number is {_HIGHEST_PORT}")
    if admin is None:
        if listed is not None:
            raise InvalidOption("admin-token-file", "it is for --admin: add --admin 9090")
        return None
    if listed is not None:
        file = TokenFile(listed.path, reactor, listed.tokens)
        return AdminTokens(BearerTokens.of_file(file, anonymous=False))
    if not _is_of_this_machine(_completed(admin)):
        raise InvalidOption(
            "admin",
            f"{admin!r} may be reached from other machines: add --admin-token-file, or "
            "write a port number, tcp:9090:interface=127.0.0.1 or unix:/run/sse-admin.sock",
        )
    return None


def admin_endpoint(
    config: Config, processes: Processes, owner: Hub, reactor: Any, make_endpoint: MakeEndpoint
) -> AdminEndpoint | None:
    """
    Make what listens on ``--admin``; ``None`` if there is no such option.

    Args:
        owner: The hub of this process.

    Raises:
        InvalidOption: An option cannot be obeyed.
    """
    authorize = check_admin(config, reactor)
    if config.admin is None:
        return None
    description = _completed(config.admin)
    try:
        endpoint = make_endpoint(reactor, len(config.ports), description)
    except Exception as error:
        # Every kind of endpoint has its own parser, with its own errors.
        raise InvalidOption("admin", f"{config.admin!r} is not an endpoint: {error}") from None
    root = AdminResource(processes, authorize, owner)
    site = HubSite(root, reactor=reactor, **site_limits(config))
    return AdminEndpoint(endpoint, site, description, config.send_timeout)


def _completed(description: str) -> str:
    """
    Write *description* as an endpoint of Twisted that as few as possible can reach.
    """
    if description.isascii() and description.isdigit():
        return f"tcp:{description}:interface=127.0.0.1"
    kind, *arguments = _COLON.split(description)
    given = [one for one in arguments if "=" not in one]
    has_mode = len(given) > 1 or any(one.startswith("mode=") for one in arguments)
    # Twisted's default lets every user of the machine in.
    return f"{description}:mode=600" if kind.lower() == "unix" and not has_mode else description


def _is_of_this_machine(description: str) -> bool:
    kind, *arguments = _COLON.split(description)
    if kind.lower() == "unix":
        return True
    interfaces = [one.partition("=")[2] for one in arguments if one.startswith("interface=")]
    if kind.lower() not in ("tcp", "tcp4", "tcp6", "ssl") or not interfaces:
        return False
    try:
        return ipaddress.ip_address(interfaces[-1].replace("\\:", ":")).is_loopback
    except ValueError:
        return False
