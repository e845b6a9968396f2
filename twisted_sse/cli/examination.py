"""
The requests of `doctor`, in order, and the findings from them.
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.task import deferLater

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

# The longest time for any request but the stream itself, in seconds.
_TIMEOUT = 5.0

# The number of events to publish, and the pause between them in seconds.
_EVENT_COUNT = 3
_INTERVAL = 0.5

# The longest wait for the stream to open before events are published, and how often
# it is checked, in seconds.
_OPEN_TIMEOUT = 2.0
_POLL_INTERVAL = 0.05

# An event ID that no hub has ever used.
_UNKNOWN_ID = "twisted-sse-doctor-asks-for-what-never-was"

# Not "message", so that a page's usual listeners do not receive the events.
_EVENT_TYPE = "twisted-sse-doctor"


class Examination:
    """
    The examination of one stream.
    """

    def __init__(self, options: DoctorOptions, reactor: Any) -> None:
        self._options = options
        self._reactor = reactor
        self._agent = options.agent()
        self._probe = Probe(self._agent, reactor, options.url(), options.headers)
        self._sent: list[Sent] = []
        self._publish_error = ""

    async def run(self) -> list[Finding]:
        """
        Make all requests, and return the findings in order.
        """
        gzip = {"Accept-Encoding": "gzip"}
        compressed = await self._probe.request(_TIMEOUT, headers=gzip, enough=lambda _: True)
        if compressed.answered is not None or compressed.closed is not None:
            findings = list(check_stream(compressed))
            if findings[-1].mark == "problem" and not _is_stream(compressed):
                return findings
        observation = Observation()
        self._start = self._reactor.seconds()
        tasks = (self._watch(observation), self._probe_others(), self._publish(observation))
        await gatherResults(map(Deferred.fromCoroutine, tasks), consumeErrors=True)
        if observation.answered is None:
            return [*check_stream(observation), check_head(self._head)]
        return [*check_stream(observation), *await self._findings(observation, compressed)]

    async def _watch(self, observation: Observation) -> None:
        try:
            await self._probe.request(self._options["seconds"], observation=observation)
        except (ConnectError, DNSLookupError) as error:
            # The server could be reached a moment ago, so this is an observation.
            observation.closed, observation.reason = 0.0, str(error)

    async def _probe_others(self) -> None:
        self._head = await self._request("HEAD")
        self._unknown = await self._request(headers={"Last-Event-ID": _UNKNOWN_ID})
        await self._probe_cors()
        self._chosen = await self._negotiate()

    async def _probe_cors(self) -> None:
        origin = self._options["origin"]
        if origin is None:
            return
        wanted = {
            "Origin": origin,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,last-event-id",
        }
        self._preflight = await self._request("OPTIONS", wanted)
        self._cors = await self._request(headers={"Origin": origin})

    async def _findings(self, observation: Observation, compressed: Observation) -> list[Finding]:
        event_id = last_id(observation)
        known = await self._request(headers={"Last-Event-ID": event_id}) if event_id else None
        secure = self._options.url().startswith("https:")
        findings = [
            *check_headers(observation, compressed),
            check_version(observation, secure, self._chosen),
            *check_flow(observation),
            self._check_probes(observation),
            *check_resume(event_id, known, self._unknown),
            check_head(self._head),
        ]
        if self._options["origin"] is not None:
            findings += check_cors(self._options["origin"], self._cors, self._preflight)
        return findings

    async def _request(
        self, method: str = "GET", headers: dict[str, str] | None = None
    ) -> Observation:
        try:
            return await self._probe.request(_TIMEOUT, method, headers, enough=_has_data)
        except (ConnectError, DNSLookupError):
            # The server could be reached a moment ago, so this is an observation.
            return Observation(watched=_TIMEOUT)

    async def _negotiate(self) -> str | None:
        parts = urlsplit(self._options.url())
        if parts.scheme != "https":
            return None
        host, port = parts.hostname or "", parts.port or 443
        try:
            endpoint = self._agent.endpoints.unencrypted("https", host, port)
            return await offered_protocol(
                self._reactor, endpoint, host, self._options["cafile"], _TIMEOUT
            )
        except Exception:
            # The stream itself has a connection, so a failure here is no finding.
            return ""

    async def _publish(self, observation: Observation) -> None:
        topic = self._options.publishable_topic()
        if topic is None or self._options["token"] is None:
            return
        # A proxy that buffers everything holds back even the headers, so do not wait long.
        while (
            observation.answered is None and self._reactor.seconds() - self._start < _OPEN_TIMEOUT
        ):
            await deferLater(self._reactor, _POLL_INTERVAL)
        url = self._options.address.without_topics()
        publisher = Publisher(
            url, token=self._options["token"], client=self._agent, timeout=_TIMEOUT
        )
        nonce = secrets.token_hex(4)
        for number in range(_EVENT_COUNT):
            data = f"{nonce}-{number}"
            at = self._reactor.seconds() - self._start
            try:
                await publisher.publish([Publication.of(topic, data, event=_EVENT_TYPE)])
            except TwistedSSEError as error:
                self._publish_error = str(error)
                return
            self._sent.append(Sent(at, data))
            await deferLater(self._reactor, _INTERVAL)

    def _check_probes(self, observation: Observation) -> Finding:
        if self._publish_error:
            return warning(
                f"Publishing failed, so the delay of events is unknown: {self._publish_error}",
                "Pass a --token-file and a --topic that the token may publish to.",
            )
        if not self._sent:
            return warning(
                "No events were published, so their delay is unknown.",
                "Pass a topic and --token-file to publish three events.",
            )
        return check_probes(self._sent, observation)


def _is_stream(observation: Observation) -> bool:
    kind = observation.header("Content-Type").lower()
    return observation.status == 200 and "text/event-stream" in kind


def _has_data(observation: Observation) -> bool:
    """
    Tell whether the first event with data has arrived.
    """
    return any(one.event.data is not None for one in observation.arrivals)
