"""
Tests of history in SQLite.
"""
