"""Closed forms that the runs are held against.

Book: 03-at-most-once
"""
