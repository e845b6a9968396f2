"""
Files that earlier versions have written.
"""
