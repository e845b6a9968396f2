"""
History in Redis, shared by any number of hubs.
"""

from twisted_sse.history.redis.history import RedisHistory

__all__ = ["RedisHistory"]
