"""
``python -m twisted_sse`` is ``twisted-sse``.
"""

import sys

from twisted_sse.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
