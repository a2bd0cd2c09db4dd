"""The experiments of chapter 9.

Book: 09-comparison-table
"""
