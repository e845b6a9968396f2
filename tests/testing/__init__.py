"""
Tests of what this package has for the tests of others.
"""
