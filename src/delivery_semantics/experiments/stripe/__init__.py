"""The experiments of chapter 8.

Book: 08-stripe-idempotency
"""
