"""
The process of a worker: ``python -m twisted_sse.server.workers NUMBER``.

The parent starts it; it is of no use alone.
"""

from twisted_sse.server.workers.worker import run_worker

if __name__ == "__main__":
    run_worker()
