"""
Tests of `twisted_sse.testing`.
"""
