"""
Tests that no acknowledged event is lost when hubs or Redis are killed.
"""
