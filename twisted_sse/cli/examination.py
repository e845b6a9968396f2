"""
Everything that `doctor` asks and does, in the order in which it makes sense.
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.task import deferLater
from twisted.web.client import Agent, HTTPConnectionPool

from twisted_sse.cli.checks import (
    check_cors,
    check_head,
    check_headers,
    check_stream,
    check_version,
)
from twisted_sse.cli.doctor_options import DoctorOptions
from twisted_sse.cli.findings import Finding, warning
from twisted_sse.cli.flow import Sent, check_flow, check_probes, check_resume, last_id
from twisted_sse.cli.probe import Observation, Probe, offered_protocol
from twisted_sse.client import Publisher
from twisted_sse.errors import TwistedSSEError
from twisted_sse.events.publication import Publication

__all__ = ["Examination"]

# How long anything but the stream itself may take, in seconds.
_SHORT = 5.0

# How often and when events are published, in seconds.
_PROBES = 3
_PAUSE = 0.5

# How long a stream may take until it is taken to be open, and how often it is
# looked at meanwhile, in seconds.
_OPENING = 2.0
_STEP = 0.05

# What no hub has ever given to an event.
_NONSENSE = "twisted-sse-doctor-asks-for-what-never-was"

# So no listener for "message" hears them.
_TYPE = "twisted-sse-doctor"


class Examination:
    """
    Of one stream.
    """

    def __init__(self, options: DoctorOptions, reactor: Any) -> None:
        self._options = options
        self._reactor = reactor
        pool = HTTPConnectionPool(reactor, persistent=False)
        agent = options.agent() or Agent(reactor, pool=pool)
        self._probe = Probe(agent, reactor, options.url(), options.headers)
        self._sent: list[Sent] = []
        self._unsent = ""

    async def run(self) -> list[Finding]:
        """
        Everything that is found, in order.
        """
        gzip = {"Accept-Encoding": "gzip"}
        compressed = await self._probe.ask(_SHORT, headers=gzip, enough=lambda _: True)
        if compressed.answered is not None or compressed.closed is not None:
            first = list(check_stream(compressed))
            if first[-1].mark == "problem" and not _is_stream(compressed):
                return first
        seen = Observation()
        self._begun = self._reactor.seconds()
        together = (self._watch(seen), self._look_around(), self._publish(seen))
        await gatherResults(map(Deferred.fromCoroutine, together), consumeErrors=True)
        if seen.answered is None:
            return [*check_stream(seen), check_head(self._head)]
        return [*check_stream(seen), *await self._rest(seen, compressed)]

    async def _watch(self, seen: Observation) -> None:
        try:
            await self._probe.ask(self._options["seconds"], seen=seen)
        except (ConnectError, DNSLookupError) as error:
            # It was there a moment ago.
            seen.closed, seen.reason = 0.0, str(error)

    async def _look_around(self) -> None:
        self._head = await self._ask("HEAD")
        self._unknown = await self._ask(headers={"Last-Event-ID": _NONSENSE})
        await self._look_for_cors()
        self._chosen = await self._negotiate()

    async def _look_for_cors(self) -> None:
        origin = self._options["origin"]
        if origin is None:
            return
        wanted = {
            "Origin": origin,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,last-event-id",
        }
        self._preflight = await self._ask("OPTIONS", wanted)
        self._cors = await self._ask(headers={"Origin": origin})

    async def _rest(self, seen: Observation, compressed: Observation) -> list[Finding]:
        event_id = last_id(seen)
        known = await self._ask(headers={"Last-Event-ID": event_id}) if event_id else None
        secure = self._options.url().startswith("https:")
        findings = [
            *check_headers(seen, compressed),
            check_version(seen, secure, self._chosen),
            *check_flow(seen),
            self._check_probes(seen),
            *check_resume(event_id, known, self._unknown),
            check_head(self._head),
        ]
        if self._options["origin"] is not None:
            findings += check_cors(self._options["origin"], self._cors, self._preflight)
        return findings

    async def _ask(self, method: str = "GET", headers: dict[str, str] | None = None) -> Observation:
        try:
            return await self._probe.ask(_SHORT, method, headers, enough=_has_said)
        except (ConnectError, DNSLookupError):
            # It was there a moment ago: no answer is what there is to see.
            return Observation(watched=_SHORT)

    async def _negotiate(self) -> str | None:
        parts = urlsplit(self._options.url())
        if parts.scheme != "https":
            return None
        host, port = parts.hostname or "", parts.port or 443
        try:
            return await offered_protocol(
                self._reactor, host, port, self._options["cafile"], _SHORT
            )
        except Exception:
            # Whatever it is: the stream itself has got its connection.
            return ""

    async def _publish(self, seen: Observation) -> None:
        topics = self._options["topics"]
        if not topics or self._options["token"] is None:
            return
        # Through what holds back everything, not even the headers come.
        while seen.answered is None and self._reactor.seconds() - self._begun < _OPENING:
            await deferLater(self._reactor, _STEP)
        url = self._options.address.without_topics()
        publisher = Publisher(
            url, token=self._options["token"], client=self._options.agent(), timeout=_SHORT
        )
        nonce = secrets.token_hex(4)
        for number in range(_PROBES):
            data = f"{nonce}-{number}"
            at = self._reactor.seconds() - self._begun
            try:
                await publisher.publish([Publication.of(topics[0], data, event=_TYPE)])
            except TwistedSSEError as error:
                self._unsent = str(error)
                return
            self._sent.append(Sent(at, data))
            await deferLater(self._reactor, _PAUSE)

    def _check_probes(self, seen: Observation) -> Finding:
        if self._unsent:
            return warning(
                f"Whether events are held back was not tried: {self._unsent}",
                "Give a --token-file and a --topic that may be published to.",
            )
        if not self._sent:
            return warning(
                "Whether events are held back was not tried.",
                "Give --topic and --token-file: three events are published then.",
            )
        return check_probes(self._sent, seen)


def _is_stream(seen: Observation) -> bool:
    return seen.status == 200 and "text/event-stream" in seen.header("Content-Type").lower()


def _has_said(seen: Observation) -> bool:
    """
    Whether something has come that says how the stream begins.
    """
    return any(one.event.data is not None for one in seen.arrivals)
