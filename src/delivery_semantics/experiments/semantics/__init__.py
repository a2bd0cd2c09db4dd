"""The experiments of chapter 2.

Book: 02-delivery-semantics
"""
