"""
Tests of edges.
"""
