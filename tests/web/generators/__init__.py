"""
Tests of streams of generators.
"""
