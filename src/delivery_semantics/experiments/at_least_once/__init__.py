"""The experiments of chapter 4.

Book: 04-at-least-once
"""
