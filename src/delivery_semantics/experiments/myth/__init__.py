"""The experiments of chapter 5.

Book: 05-exactly-once-a-myth
"""
