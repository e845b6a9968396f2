"""
Tests of `twisted_sse.cli.admin`.
"""
