"""
Tests of `twisted_sse.web.dialects`.
"""
