"""
Tells Twisted which histories this package has.

Apart from `twisted_sse_plugin`, so that twistd, which looks for services, need
not import them.
"""

from twisted_sse.history.factories import (
    MemoryHistoryFactory,
    PostgresHistoryFactory,
    RedisHistoryFactory,
    SQLiteHistoryFactory,
    UpstreamHistoryFactory,
)

memory = MemoryHistoryFactory()
postgres = PostgresHistoryFactory("postgres")
postgresql = PostgresHistoryFactory("postgresql")
redis = RedisHistoryFactory("redis")
redis_sentinel = RedisHistoryFactory("redis+sentinel")
redis_unix = RedisHistoryFactory("redis+unix")
rediss = RedisHistoryFactory("rediss")
rediss_sentinel = RedisHistoryFactory("rediss+sentinel")
sqlite = SQLiteHistoryFactory()
upstream = UpstreamHistoryFactory()
