"""
Tests of runs.
"""
