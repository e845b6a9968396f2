"""
Tests that streams of generators release everything when they are aborted at random.
"""
