"""
Tests of `twisted_sse.broker.measures`.
"""
