"""
Tests of history in Redis.
"""
