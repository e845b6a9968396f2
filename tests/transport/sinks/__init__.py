"""
Tests of sinks.
"""
