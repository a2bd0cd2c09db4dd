"""What the reader does: be the network, and answer an exercise.

Book: index
"""
