"""The experiments of chapter 11.

Book: 11-kafka
"""
