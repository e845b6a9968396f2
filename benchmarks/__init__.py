"""
The measurements behind the project's claims about speed and memory: `python -m benchmarks`.
"""

__all__: list[str] = []
