"""
Each measure in a file of its own: which runs it needs, on which servers.
"""

from benchmarks.measures.case import Case
from benchmarks.measures.measure import MEASURES, Measure

__all__ = ["MEASURES", "Case", "Measure"]
