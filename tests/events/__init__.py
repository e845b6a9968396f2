"""
Tests of events and their formats.
"""
