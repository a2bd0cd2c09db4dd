"""The experiments of the chapter on one payment, end to end.

Book: 15-from-the-button-to-the-ledger
"""
