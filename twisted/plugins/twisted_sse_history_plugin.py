"""
Tells Twisted which histories this package has.

Apart from `twisted_sse_plugin`, so that twistd, which looks for services, need
not import them.
"""

from twisted_sse.history.factories import (
    MemoryHistoryFactory,
    RedisHistoryFactory,
    SQLiteHistoryFactory,
    UpstreamHistoryFactory,
)

memory = MemoryHistoryFactory()
redis = RedisHistoryFactory("redis")
rediss = RedisHistoryFactory("rediss")
sqlite = SQLiteHistoryFactory()
upstream = UpstreamHistoryFactory()
