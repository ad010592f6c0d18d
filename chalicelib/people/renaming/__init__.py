"""Renaming: a second person decides whether another name of who is known counts.

What is decided on stands in `lists/renames`: lists write it, and this reads lists.
"""
