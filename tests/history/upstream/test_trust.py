"""
How an edge verifies its upstream.
"""

from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from tests.support.certificates import write_certificate
from tests.support.upstreams import Upstream
from tests.support.waiting import PATIENCE
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.history.upstream.history import UpstreamHistory

__all__ = ["TrustTests"]


class TrustTests(TestCase):
    """
    An upstream with a certificate that no public authority has signed.
    """

    timeout = PATIENCE

    def edge(self, *names: str, **options: Any) -> UpstreamHistory:
        """
        Start an edge of an upstream with a certificate for *names*.
        """
        home = Path(self.mktemp())
        home.mkdir()
        self.certificate, key = write_certificate(home, *names)
        upstream = Upstream()
        upstream.start_tls(self.certificate, key)
        self.addCleanup(upstream.stop)
        given = {name: str(self.certificate) if value else None for name, value in options.items()}
        edge = upstream.edge(**given)
        edge.startService()
        self.addCleanup(edge.stopService)
        return edge

    async def test_trusted(self) -> None:
        """
        With the authority as cafile, everything works.
        """
        edge = self.edge(cafile=True)
        publication = Publication(("a",), ServerSentEvent("x"))
        (record,) = await edge.append([publication])

        self.assertEqual((await edge.tail(1)).kept, [record])

    async def test_unknown_authority(self) -> None:
        """
        Without the authority nothing is sent, and the error says why.
        """
        edge = self.edge()
        for asked in (edge.tail(1), edge.append([Publication(("a",), ServerSentEvent("x"))])):
            error = await self.assertFailure(asked, HistoryUnavailable)
            self.assertIn("certificate verify failed", str(error))

    async def test_other_host(self) -> None:
        """
        A certificate for another host is refused.
        """
        edge = self.edge("example.com", cafile=True)
        error = await self.assertFailure(edge.tail(1), HistoryUnavailable)

        self.assertIn("Mismatch", str(error))
