"""
Tests of `twisted_sse.client`.
"""
