"""What each slider of the book runs: plain functions from parameters and a seed to a view.

An experiment draws no conclusion that it has not measured, and the same arguments give the
same view, so what a page shows can be verified by running it again.

Book: index
"""
