"""Duplicates and losses that were reported in the open, each as a model of a few lines.

Book: incidents
"""
