"""
Tests of the history providers.
"""
