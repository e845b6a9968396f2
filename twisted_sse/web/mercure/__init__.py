"""
Mercure, in both versions in use: 0.x (draft-07) and 1.0 (draft-08).

A layer over the handlers of `twisted_sse.web`: it reads requests, and writes headers and
documents, as the protocol wants them.  The broker, topics and events know nothing of it.
Written from the protocol's text alone; comments that begin with "Mercure:" follow it.
"""

from twisted_sse.web.mercure.link import discovery, hub_link
from twisted_sse.web.mercure.resource import MercureResource
from twisted_sse.web.mercure.versions import VERSIONS, Version

__all__ = ["VERSIONS", "MercureResource", "Version", "discovery", "hub_link"]
