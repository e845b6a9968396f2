"""
Tests of history in PostgreSQL.
"""
