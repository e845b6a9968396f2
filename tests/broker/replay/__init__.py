"""
Tests of replay.
"""
