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
rediss = RedisHistoryFactory("rediss")
sqlite = SQLiteHistoryFactory()
upstream = UpstreamHistoryFactory()
