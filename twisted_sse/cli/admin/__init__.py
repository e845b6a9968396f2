"""
``twisted-sse connections`` and ``twisted-sse top``: what goes on in a hub, by its admin
endpoint.

Law: the hub searches, sorts and counts; here is only shown what it tells.
"""

__all__: list[str] = []
