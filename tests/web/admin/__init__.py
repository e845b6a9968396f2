"""
Tests of `twisted_sse.web.admin`.
"""
