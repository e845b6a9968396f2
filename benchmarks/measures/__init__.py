"""
One file per measure: the runs it needs, and on which servers.
"""

from benchmarks.measures.case import Case
from benchmarks.measures.measure import MEASURES, Measure

__all__ = ["MEASURES", "Case", "Measure"]
