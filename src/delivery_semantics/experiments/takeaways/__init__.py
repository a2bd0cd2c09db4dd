"""The experiments of the last chapter.

Book: 17-key-takeaways
"""
