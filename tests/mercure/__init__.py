"""
A conformance suite for hubs that speak Mercure, in both versions in use.

The cases are data; they follow the protocol's text, and nothing else.  They run against any
hub, by its URL::

    python -m tests.mercure https://hub.example/.well-known/mercure --publisher-key KEY

`README.md` beside this file says how.
"""
