"""
Tests of audiences.
"""
