"""The experiments of chapter 7.

Book: 07-deduplication
"""
