"""A service of one's own: a webhook receiver that nobody wrote for the sake of the book.

Book: bring-your-own
"""
