"""
The parts of a running hub that a new configuration changes; see
`twisted_sse.server.reconfiguration.Part`.

`Access`, `TLSPart` and the log are such parts too.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import partial

from twisted_sse.broker.connections.endlog import log_end
from twisted_sse.broker.service import HubService
from twisted_sse.hub import Hub
from twisted_sse.server.config.config import Config
from twisted_sse.server.limits import ConnectionLimits, connection_limits
from twisted_sse.server.listening import EndpointService
from twisted_sse.server.process import StopSignals
from twisted_sse.server.reconfiguration import Use
from twisted_sse.server.site import HubSite, site_limits
from twisted_sse.server.socketlimits import OpenFiles, socket_limits
from twisted_sse.server.tree import Trees
from twisted_sse.transport.acceptlimit import AcceptLimit

__all__ = ["AccessLogPart", "LimitsPart", "StopPart", "TreePart"]

_ACCEPTS = {"max_accepts", "max_accepts_per_address"}
_RETRY = {"retry", "retry_spread"}


class TreePart:
    """
    Answers requests with a new tree of resources.  Open streams keep their old one.
    """

    def __init__(self, trees: Trees, site: HubSite) -> None:
        self._trees = trees
        self._site = site

    def prepare(self, config: Config, changed: Set[str]) -> Use:
        """
        See `Part.prepare`.
        """
        tree = self._trees.make(config)
        return partial(self._site.replace, tree)


class LimitsPart:
    """
    Applies other limits: to what begins from now on, and to streams that are blocked.

    Args:
        files: As they were when the hub started, without clients.
    """

    def __init__(
        self,
        hub: Hub,
        site: HubSite,
        accepts: AcceptLimit,
        endpoints: Sequence[EndpointService],
        files: OpenFiles,
    ) -> None:
        self._hub = hub
        self._site = site
        self._accepts = accepts
        self._endpoints = endpoints
        self._files = files

    def prepare(self, config: Config, changed: Set[str]) -> Use:
        """
        See `Part.prepare`.
        """
        return partial(self._use, config, connection_limits(config, self._files), changed)

    def _use(self, config: Config, limits: ConnectionLimits, changed: Set[str]) -> None:
        broker, site = self._hub.broker, self._site
        self._hub.connections.set_limits(limits.total, limits.per_address, limits.per_user)
        site.set_limits(**site_limits(config))
        if site.sockets is not None:
            site.sockets.set_limits(socket_limits(limits.total, limits.per_address, self._files))
        for one in self._endpoints:
            one.set_timeouts(config.send_timeout, config.handshake_timeout)
        # These begin anew, so they are left alone if they stay.
        if "send_timeout" in changed:
            broker.admission.send_timeout.set(config.send_timeout)
        if "max_publish_rate" in changed:
            broker.set_publish_rate(config.max_publish_rate)
        if changed & _ACCEPTS:
            self._accepts.set_rates(config.max_accepts, limits.accepts_per_address)
        if changed & _RETRY:
            broker.set_retry(config.retry, config.retry_spread)


class AccessLogPart:
    """
    Begins and ends to log requests and the ends of streams.
    """

    def __init__(self, hub: Hub, site: HubSite) -> None:
        self._hub = hub
        self._site = site

    def prepare(self, config: Config, changed: Set[str]) -> Use:
        """
        See `Part.prepare`.
        """
        return partial(self._use, config.access_log)

    def _use(self, access_log: bool) -> None:
        if access_log == self._site.access_log:
            return
        self._site.access_log = access_log
        if access_log:
            self._hub.on_disconnect(log_end)
        else:
            self._hub.remove_listener(log_end)


class StopPart:
    """
    Changes how the hub will stop.
    """

    def __init__(self, service: HubService, signals: StopSignals) -> None:
        self._service = service
        self._signals = signals

    def prepare(self, config: Config, changed: Set[str]) -> Use:
        """
        See `Part.prepare`.
        """
        return partial(self._use, config)

    def _use(self, config: Config) -> None:
        self._service.grace = config.grace
        self._service.spread = config.spread
        self._service.farewell = config.farewell
        self._signals.delay = config.drain_delay
