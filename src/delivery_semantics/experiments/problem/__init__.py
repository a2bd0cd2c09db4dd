"""The experiments of chapter 1.

Book: 01-the-problem
"""
