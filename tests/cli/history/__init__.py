"""
Tests of ``twisted-sse history``.
"""
