"""
Whom an edge believes to be its upstream, if it is not whom the machine believes.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool

__all__ = ["agent_trusting"]


def agent_trusting(authorities: Sequence[Certificate], connect_timeout: float) -> Agent:
    """
    An agent that believes in certificates that *authorities* have signed, and
    that are the host's.
    """
    from twisted.internet import reactor

    return Agent(
        reactor,
        contextFactory=BrowserLikePolicyForHTTPS(trustRootFromCertificates(authorities)),
        connectTimeout=connect_timeout,
        # One stream, one connection, closed when it is over.
        pool=HTTPConnectionPool(reactor, persistent=False),
    )
