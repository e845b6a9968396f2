"""
Tests of the broker.
"""
