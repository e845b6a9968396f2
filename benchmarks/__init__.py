"""
What the project's claims about speed and memory rest on: `python -m benchmarks`.
"""

__all__: list[str] = []
