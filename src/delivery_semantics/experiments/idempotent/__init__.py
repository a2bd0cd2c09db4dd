"""The experiments of chapter 6.

Book: 06-idempotent-operations
"""
