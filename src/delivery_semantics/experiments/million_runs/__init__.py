"""The experiments of the appendix page on many runs.

Book: a-million-runs
"""
