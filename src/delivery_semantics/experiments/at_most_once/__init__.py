"""The experiments of chapter 3.

Book: 03-at-most-once
"""
